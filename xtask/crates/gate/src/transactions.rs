//! Who is in the middle of something long: shown before a lock is asked for, because
//! the lock waits for them, and everybody else then waits for the lock.

use anyhow::Result;

use model::account::Role;
use ops::ctx::Ctx;
use report::human;
use server::Server;
use server::session::code;

/// Shows transactions that are open for longer than the policy says. Their statements
/// are not shown: they may hold what is nobody's business.
///
/// # Errors
/// The server cannot be asked.
pub fn show(ctx: &Ctx, server: &Server) -> Result<()> {
    let seconds = ctx.settings.policy.gate.long_transaction_s;
    let mut session = ctx.session(server, Role::Migrate, None)?;
    let sql = format!(
        "SELECT t.trx_mysql_thread_id, COALESCE(p.USER, '?'), \
         TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), t.trx_rows_modified \
         FROM information_schema.INNODB_TRX t \
         LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id \
         WHERE TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) >= {seconds} ORDER BY 3 DESC LIMIT 5"
    );
    // The server's times are in its own zone.
    session.run("SET time_zone = 'SYSTEM'")?;
    let open: Vec<(u64, String, u64, u64)> = match session.rows(&sql) {
        Ok(open) => open,
        // 1227: the right PROCESS is missing.
        Err(error) if code(&error) == Some(1227) => {
            ctx.ui.detail(
                "long transactions are not visible: `cargo xtask doctor --fix` grants \
            the privilege for it (PROCESS)",
            );
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for (id, user, age, modified) in open {
        let wrote = if modified == 0 {
            "has written nothing".to_owned()
        } else {
            format!("has written {}", human::count(modified, "row"))
        };
        ctx.ui.warn(format!(
            "connection {id} of {user} is in a transaction for {} and {wrote}; a lock has to wait for it",
            human::duration(age * 1000)
        ));
    }
    Ok(())
}
