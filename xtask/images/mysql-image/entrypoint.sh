#!/bin/sh
# Starts MySQL in a container, with the settings and the order of the official image:
# MYSQL_ROOT_PASSWORD[_FILE], MYSQL_DATABASE, MYSQL_USER and MYSQL_PASSWORD[_FILE],
# MYSQL_ALLOW_EMPTY_PASSWORD, and the files of /docker-entrypoint-initdb.d.
# While it prepares a new data folder the server listens on its socket only, so
# whoever reaches it over TCP finds it ready.
set -eu

datadir=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock
# Hidden, so that mysqld neither counts it as data nor takes it for a schema.
unfinished=$datadir/.init-unfinished
init_pid=

say() {
    printf '%s [entrypoint] %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*" >&2
}

die() {
    say "error: $*"
    exit 1
}

# Sets NAME from the file in NAME_FILE, where that is given.
from_file() {
    eval "file=\${$1_FILE:-}; value=\${$1:-}"
    [ -n "$file" ] || return 0
    [ -z "$value" ] || die "$1 and $1_FILE are both set"
    value=$(cat "$file")
    eval "$1=\$value"
    unset "$1_FILE"
}

# A text as it has to stand between single quotes in SQL.
sql_text() {
    printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/\\\\'/g"
}

# A name as it has to stand between backticks in SQL.
sql_name() {
    printf '%s' "$1" | sed -e 's/`/``/g'
}

as_root() {
    MYSQL_PWD=$MYSQL_ROOT_PASSWORD mysql --no-defaults --protocol=socket --socket="$socket" \
        --user=root --comments "$@"
}

start_for_init() {
    "$@" --skip-networking --mysqlx=OFF --socket="$socket" &
    init_pid=$!
    tries=0
    # No password yet: the server answers a ping all the same.
    until mysqladmin --no-defaults --protocol=socket --socket="$socket" --user=root ping \
        >/dev/null 2>&1; do
        tries=$((tries + 1))
        kill -0 "$init_pid" 2>/dev/null || die "the server stopped while it was prepared"
        [ "$tries" -lt 600 ] || die "the server was not ready after 60 s"
        sleep 0.1
    done
}

stop_after_init() {
    kill -TERM "$init_pid"
    wait "$init_pid" || die "the server did not stop cleanly"
    init_pid=
}

load_time_zones() {
    [ -z "${MYSQL_INITDB_SKIP_TZINFO:-}" ] || return 0
    [ -d /usr/share/zoneinfo ] || return 0
    # Not in the binary log: a replica or a replay has zones of its own.
    {
        printf 'SET @@SESSION.SQL_LOG_BIN=0;\n'
        mysql_tzinfo_to_sql /usr/share/zoneinfo 2>/dev/null
    } | mysql --no-defaults --protocol=socket --socket="$socket" --user=root mysql
}

create_accounts() {
    password=$(sql_text "$MYSQL_ROOT_PASSWORD")
    host=$(sql_text "${MYSQL_ROOT_HOST-%}")
    # Over standard input: no password in any process's arguments.
    {
        printf 'SET @@SESSION.SQL_LOG_BIN=0;\n'
        printf "SET @@SESSION.SQL_MODE=REPLACE(@@SESSION.SQL_MODE, 'NO_BACKSLASH_ESCAPES', '');\n"
        if [ -n "$host" ] && [ "$host" != localhost ]; then
            printf "CREATE USER 'root'@'%s' IDENTIFIED BY '%s';\n" "$host" "$password"
            printf "GRANT ALL ON *.* TO 'root'@'%s' WITH GRANT OPTION;\n" "$host"
        fi
        printf "ALTER USER 'root'@'localhost' IDENTIFIED BY '%s';\n" "$password"
    } | mysql --no-defaults --protocol=socket --socket="$socket" --user=root
    {
        printf "SET @@SESSION.SQL_MODE=REPLACE(@@SESSION.SQL_MODE, 'NO_BACKSLASH_ESCAPES', '');\n"
        if [ -n "${MYSQL_DATABASE:-}" ]; then
            printf 'CREATE DATABASE IF NOT EXISTS `%s`;\n' "$(sql_name "$MYSQL_DATABASE")"
        fi
        if [ -n "${MYSQL_USER:-}" ] && [ -n "${MYSQL_PASSWORD:-}" ]; then
            user=$(sql_text "$MYSQL_USER")
            printf "CREATE USER '%s'@'%%' IDENTIFIED BY '%s';\n" \
                "$user" "$(sql_text "$MYSQL_PASSWORD")"
            if [ -n "${MYSQL_DATABASE:-}" ]; then
                # In a grant `_` is a wildcard.
                printf "GRANT ALL ON \`%s\`.* TO '%s'@'%%';\n" \
                    "$(sql_name "$MYSQL_DATABASE" | sed 's/_/\\_/g')" "$user"
            fi
        fi
        printf 'SELECT 1;\n'
    } | as_root >/dev/null
}

run_init_files() {
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
        *.sh)
            say "running $file"
            if [ -x "$file" ]; then "$file"; else . "$file"; fi
            ;;
        *.sql)
            say "running $file"
            as_root ${MYSQL_DATABASE:+"--database=$MYSQL_DATABASE"} <"$file"
            ;;
        *.sql.gz)
            say "running $file"
            gunzip -c "$file" | as_root ${MYSQL_DATABASE:+"--database=$MYSQL_DATABASE"}
            ;;
        *'/*') ;;
        *) say "ignoring $file" ;;
        esac
    done
}

prepare_data() {
    [ -n "$MYSQL_ROOT_PASSWORD" ] || [ -n "${MYSQL_ALLOW_EMPTY_PASSWORD:-}" ] ||
        die "the data folder is empty: set MYSQL_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD_FILE"
    say "preparing a new data folder"
    : >"$unfinished"
    "$@" --initialize-insecure
    start_for_init "$@"
    load_time_zones
    create_accounts
    run_init_files
    stop_after_init
    rm -f "$unfinished"
    say "the data folder is ready"
}

# A first argument that is an option belongs to mysqld.
case "${1:-}" in
'' | -*) set -- mysqld "$@" ;;
esac
[ "$1" = mysqld ] || exec "$@"

trap 'if [ -n "$init_pid" ]; then kill -TERM "$init_pid" 2>/dev/null; fi' EXIT
trap 'exit 143' TERM INT

from_file MYSQL_ROOT_PASSWORD
from_file MYSQL_PASSWORD
MYSQL_ROOT_PASSWORD=${MYSQL_ROOT_PASSWORD:-}

if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/run/mysqld "$datadir"
    chown mysql:mysql /var/run/mysqld /var/lib/mysql-files
    find "$datadir" \! -user mysql -exec chown mysql:mysql '{}' +
    set -- "$@" --user=mysql
fi

if [ -e "$unfinished" ]; then
    # Stopped in the middle of its first start: nobody has used this data yet.
    say "an earlier start was cut short; beginning again"
    find "$datadir" -mindepth 1 -delete
fi
[ -d "$datadir/mysql" ] || prepare_data "$@"

# The server itself needs none of them.
unset MYSQL_PASSWORD
exec "$@"
