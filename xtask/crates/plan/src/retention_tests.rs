//! The rules by example, and what has to hold for any history and any policy.

use proptest::prelude::*;

use super::*;

#[path = "retention_clock_tests.rs"]
mod clock;

const STAMP: &str = "%Y%m%d_%H%M%S";

fn local(stamp: &str) -> NaiveDateTime {
    NaiveDateTime::parse_from_str(stamp, STAMP).unwrap()
}

fn moment(local: NaiveDateTime) -> Moment {
    Moment { utc: local.and_utc(), local }
}

fn now() -> Moment {
    moment(local("20261231_123000"))
}

fn here() -> Held {
    Held { place: Place::Here, bytes: 1, problem: None, ours: true }
}

fn away(name: &str) -> Held {
    Held { place: Place::At(name.to_owned()), bytes: 1, problem: None, ours: true }
}

fn backup(at: NaiveDateTime) -> Backup {
    Backup {
        label: format!("mydb_backup_{}", at.format(STAMP)).parse().unwrap(),
        server: "here".to_owned(),
        taken: Some(moment(at)),
        wrong_clock: None,
        rank: usize::try_from(at.and_utc().timestamp()).unwrap(),
        safety: false,
        verified: Some(Level::Restore),
        failed: false,
        suspect: false,
        pinned: None,
        needed: Vec::new(),
        let_go_here: false,
        copies: vec![here()],
    }
}

fn of(stamp: &str) -> Backup {
    backup(local(stamp))
}

fn only_last(last: u32) -> RetentionPolicy {
    let RetentionPolicy { safety_days, before_days, auto, .. } = RetentionPolicy::default();
    RetentionPolicy {
        last,
        hourly: 0,
        daily: 0,
        weekly: 0,
        monthly: 0,
        yearly: 0,
        safety_days,
        before_days,
        auto,
    }
}

fn fates(all: &[Backup], policy: &RetentionPolicy) -> Vec<Fate> {
    plan(all, policy, now()).into_iter().map(|verdict| verdict.fate).collect()
}

fn reason(all: &[Backup], policy: &RetentionPolicy, which: usize) -> String {
    plan(all, policy, now())[which].reason.clone()
}

use Fate::{Go, Keep, Look};

#[test]
fn a_suspect_backup_lets_no_good_one_go() {
    let good = of("20261201_100000");
    let suspect = Backup { suspect: true, ..of("20261202_100000") };
    let both = [good.clone(), suspect.clone()];
    assert_eq!(fates(&both, &only_last(1)), [Fate::Keep, Fate::Keep]);
    assert_eq!(reason(&both, &only_last(1), 0), "newest restored, newest verified");
    let all = [good, suspect, of("20261203_100000")];
    assert_eq!(fates(&all, &only_last(1)), [Fate::Go, Fate::Go, Fate::Keep]);
}

#[test]
fn nothing_goes_that_nothing_newer_was_verified_for() {
    let mut all = vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    let policy = only_last(1);
    assert_eq!(fates(&all, &policy), [Go, Go, Keep]);
    assert!(
        reason(&all, &policy, 0).ends_with("mydb_backup_20261203_000000 is newer and verified")
    );
    all[2].verified = None;
    assert_eq!(fates(&all, &policy), [Go, Keep, Keep], "the newest verified one stays");
    all[1].verified = Some(Level::File);
    assert_eq!(fates(&all, &policy), [Keep, Keep, Keep], "and the newest that was restored");
    assert_eq!(reason(&all, &policy, 0), "newest restored");
    all.iter_mut().for_each(|it| it.verified = None);
    assert_eq!(fates(&all, &policy), [Keep; 3]);
}

#[test]
fn what_cannot_be_used_is_not_counted_and_not_deleted() {
    let good = || vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    let mut damaged = good();
    damaged[2].copies[0].problem = Some("its data file is missing".to_owned());
    assert_eq!(fates(&damaged, &only_last(1)), [Go, Keep, Look]);
    let mut failed = good();
    failed[2].failed = true;
    assert_eq!(fates(&failed, &only_last(1)), [Go, Keep, Look]);
}

#[test]
fn pinned_and_needed_backups_stay() {
    let mut all = vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    all[0].pinned = Some("before the merger".to_owned());
    all[1].needed = vec!["`migrate --undo` needs it".to_owned()];
    assert_eq!(fates(&all, &only_last(1)), [Keep; 3]);
    assert_eq!(reason(&all, &only_last(1), 0), "pinned: before the merger");
    assert_eq!(reason(&all, &only_last(1), 1), "`migrate --undo` needs it");
}

#[test]
fn a_safety_backup_takes_nobodys_place() {
    let mut all = vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    all[1].safety = true;
    all[1].verified = None;
    assert_eq!(fates(&all, &only_last(2)), [Keep, Go, Keep], "after seven days it goes");
    all.push(of("20261230_000000"));
    all[3].safety = true;
    all[3].verified = None;
    assert_eq!(fates(&all, &only_last(2)), [Keep, Go, Keep, Keep]);
    all.push(of("20261231_000000"));
    assert_eq!(reason(&all, &only_last(2), 3), "a safety backup of the last 7 days");
}

#[test]
fn a_verified_backup_stands_for_its_period() {
    let mut all = vec![of("20261201_000000"), of("20261201_060000"), of("20261202_000000")];
    all[1].verified = None;
    let daily = RetentionPolicy { daily: 2, ..only_last(0) };
    assert_eq!(fates(&all, &daily), [Keep, Go, Keep]);
    all[0].verified = None;
    assert_eq!(fates(&all, &daily), [Go, Keep, Keep]);
}

#[test]
fn each_place_keeps_a_calendar_of_its_own() {
    let mut all = vec![of("20261201_000000"), of("20261201_060000"), of("20261202_000000")];
    all[0].copies.push(away("nas"));
    all[2].copies.push(away("nas"));
    let daily = RetentionPolicy { daily: 2, ..only_last(0) };
    // The later one of the day never came to the nas.
    assert_eq!(fates(&all, &daily), [Keep; 3]);
    assert_eq!(reason(&all, &daily, 0), "daily 2026-12-01 at nas");
    // Nothing newer was verified there: neither copy goes.
    all[2].copies.pop();
    assert_eq!(fates(&all, &only_last(1)), [Keep, Go, Keep]);
    assert_eq!(
        reason(&all, &only_last(1), 0),
        "newest restored at nas, newest verified at nas, last 1 at nas"
    );
}

#[test]
fn the_last_copy_stays_unless_the_rules_let_the_file_go() {
    let mut all = vec![of("20261201_000000"), of("20261202_000000")];
    all[0].copies = vec![away("nas")];
    all[1].copies.push(away("nas"));
    assert_eq!(fates(&all, &only_last(1)), [Keep, Keep]);
    all[0].copies.push(Held { problem: Some("damaged".to_owned()), ..here() });
    assert_eq!(fates(&all, &only_last(1)), [Keep, Keep]);
    assert_eq!(reason(&all, &only_last(1), 0), "the last copy: it is missing or damaged here");
    all[0].copies.pop();
    all[0].let_go_here = true;
    assert_eq!(fates(&all, &only_last(1)), [Go, Keep]);
}

#[test]
fn what_another_machine_put_there_neither_counts_nor_goes() {
    let theirs = || Held { ours: false, ..away("nas") };
    let mut all = vec![of("20261201_000000"), of("20261202_000000"), of("20261203_000000")];
    all[0].copies.push(away("nas"));
    all[1].copies = vec![theirs()];
    all[2].copies.push(theirs());
    // Theirs proves nothing at the nas, so ours stays there.
    assert_eq!(fates(&all, &only_last(1)), [Keep; 3]);
    assert_eq!(reason(&all, &only_last(1), 1), NOT_OURS);
    // A name that was let go here, and that another machine gave too.
    all[1].let_go_here = true;
    assert_eq!(fates(&all, &only_last(1)), [Keep; 3]);
}

#[test]
fn schemas_do_not_share_rules() {
    let other =
        Backup { label: "other_backup_20261201_000000".parse().unwrap(), ..of("20261201_000000") };
    assert_eq!(fates(&[other, of("20261202_000000")], &only_last(1)), [Keep, Keep]);
    // Nor does the same schema of two servers.
    let other = Backup { server: "elsewhere".to_owned(), ..of("20261201_000000") };
    assert_eq!(fates(&[other, of("20261202_000000")], &only_last(1)), [Keep, Keep]);
}

/// The page's table: what is left of a year of backups, taken every six hours.
fn example() -> String {
    let start = local("20260101_000000");
    let times = (0..).map(|n| start + TimeDelta::hours(6 * n)).take_while(|at| *at <= now().local);
    let all: Vec<Backup> = times.map(backup).collect();
    let verdicts = plan(&all, &RetentionPolicy::default(), now());
    let kept: Vec<(&Backup, &str)> = all
        .iter()
        .zip(&verdicts)
        .filter(|(_, verdict)| verdict.fate == Keep)
        .map(|(backup, verdict)| (backup, verdict.reason.as_str()))
        .collect();
    let mut text = format!(
        "Of {} backups {} are left.\n\n| rule | keeps | of them by no rule above | which |\n|---|---|---|---|\n",
        all.len(),
        kept.len()
    );
    let rules = ["last", "hourly", "daily", "weekly", "monthly", "yearly"];
    for (at, rule) in rules.iter().enumerate() {
        let has = |reason: &str, rule: &str| reason.split(", ").any(|it| it.starts_with(rule));
        let by: Vec<_> = kept.iter().filter(|(_, reason)| has(reason, rule)).collect();
        let more: Vec<String> = by
            .iter()
            .filter(|(_, reason)| !rules[..at].iter().any(|above| has(reason, above)))
            .map(|(backup, _)| backup.label.time().format("%m-%d %H:%M").to_string())
            .collect();
        let which = match (more.as_slice(), more.len()) {
            ([], _) => "–".to_owned(),
            ([first, .., last], 13..) => format!("every one from {first} to {last}"),
            _ => more.join(", "),
        };
        text += &format!("| {rule} | {} | {} | {which} |\n", by.len(), more.len());
    }
    text
}

#[test]
fn the_page_shows_what_the_plan_says() {
    let page = include_str!("../../../../docs/retention.md");
    let table = example();
    assert!(page.contains(&table), "docs/retention.md should hold:\n{table}");
}

/// Any backup of the last 40 days or the next ten, in any state.
fn any_backup() -> impl Strategy<Value = Backup> {
    let states = (0_u8..4, 0_u8..13, 0_u8..10, 0_u8..10, 0_u8..10, any::<bool>(), 0_u8..16);
    let hours = (-40_i64 * 24..10 * 24, 0_u8..8);
    (hours, states).prop_map(
        |((hours, ahead), (level, copies, failed, pinned, needed, gone, safety))| {
            let at = now().local + TimeDelta::hours(hours);
            let mut backup = backup(at);
            if ahead == 0 && hours <= 0 {
                let label = at + TimeDelta::days(3000);
                backup.label = format!("mydb_backup_{}", label.format(STAMP)).parse().unwrap();
            }
            backup.verified =
                [None, None, Some(Level::File), Some(Level::Restore)][usize::from(level)];
            backup.failed = failed == 0;
            backup.pinned = (pinned == 0).then(String::new);
            backup.needed = if needed == 0 { vec!["needed".to_owned()] } else { Vec::new() };
            backup.let_go_here = gone;
            backup.safety = safety == 0;
            let broken = |held: Held| Held { problem: Some("damaged".to_owned()), ..held };
            backup.copies = match copies {
                0 => vec![away("nas")],
                1 => vec![away("nas"), away("cloud")],
                2 => vec![broken(here()), away("nas")],
                3 => vec![broken(here())],
                4 => vec![here(), broken(away("nas"))],
                5..8 => vec![here(), away("nas")],
                8 => vec![here(), Held { ours: false, ..away("nas") }],
                _ => vec![here()],
            };
            backup
        },
    )
}

fn any_history() -> impl Strategy<Value = Vec<Backup>> {
    prop::collection::vec(any_backup(), 0..60).prop_map(|mut all| {
        all.sort_by(|a, b| a.label.cmp(&b.label));
        all.dedup_by(|a, b| a.label == b.label);
        all
    })
}

fn any_policy() -> impl Strategy<Value = RetentionPolicy> {
    (prop::array::uniform6(0_u32..9), 0_u32..20).prop_map(|(n, safety_days)| {
        let [last, hourly, daily, weekly, monthly, yearly] = n;
        RetentionPolicy {
            last,
            hourly,
            daily,
            weekly,
            monthly,
            yearly,
            safety_days,
            ..only_last(0)
        }
    })
}

/// What is there after the plan was carried out.
fn applied(all: &[Backup], policy: &RetentionPolicy) -> Vec<Backup> {
    let verdicts = plan(all, policy, now());
    let mut left = Vec::new();
    for (backup, verdict) in all.iter().zip(verdicts) {
        let mut backup = backup.clone();
        if verdict.fate == Go {
            backup.let_go_here |= backup.held_in(&Place::Here);
            backup.copies.retain(|held| !held.counts());
        }
        if !backup.copies.is_empty() {
            left.push(backup);
        }
    }
    left
}

fn newest(all: &[Backup], place: &Place, proven: impl Fn(&Backup) -> bool) -> Option<Label> {
    let sound = all.iter().filter(|it| it.held_in(place) && proven(it));
    let sound = sound.filter_map(|it| Some((it.sound(now())?, &it.label)));
    sound.max().map(|(_, label)| label.clone())
}

proptest! {
    #[test]
    fn the_newest_proofs_survive(all in any_history(), policy in any_policy()) {
        let left = applied(&all, &policy);
        for place in [Place::Here, Place::At("nas".to_owned()), Place::At("cloud".to_owned())] {
            let verified = |it: &Backup| it.verified.is_some();
            let restored = |it: &Backup| it.verified == Some(Level::Restore);
            prop_assert_eq!(newest(&all, &place, verified), newest(&left, &place, verified));
            prop_assert_eq!(newest(&all, &place, restored), newest(&left, &place, restored));
        }
    }

    #[test]
    fn only_what_is_older_than_a_proof_in_the_same_place_goes(
        all in any_history(), policy in any_policy()
    ) {
        let verdicts = plan(&all, &policy, now());
        for (backup, _) in all.iter().zip(&verdicts).filter(|(_, it)| it.fate == Go) {
            prop_assert!(backup.pinned.is_none() && backup.needed.is_empty() && !backup.failed);
            prop_assert!(backup.held_in(&Place::Here) || backup.let_go_here);
            let at = (backup.at(now()).unwrap(), &backup.label);
            for held in backup.copies.iter().filter(|held| held.counts()) {
                let newer = all.iter().zip(&verdicts).any(|(other, verdict)| {
                    verdict.fate == Keep
                        && other.held_in(&held.place)
                        && other.verified.is_some()
                        && other.sound(now()).is_some_and(|it| (it, &other.label) > at)
                });
                prop_assert!(newer, "{} goes from {:?}", backup.label, held.place);
            }
        }
    }

    #[test]
    fn a_second_run_deletes_nothing(all in any_history(), policy in any_policy()) {
        let left = applied(&all, &policy);
        let again = plan(&left, &policy, now());
        prop_assert!(again.iter().all(|it| it.fate != Go), "{again:?}");
    }

    #[test]
    fn a_larger_policy_keeps_no_less(
        all in any_history(), policy in any_policy(), more in prop::array::uniform6(0_u32..5)
    ) {
        let larger = RetentionPolicy {
            last: policy.last + more[0],
            hourly: policy.hourly + more[1],
            daily: policy.daily + more[2],
            weekly: policy.weekly + more[3],
            monthly: policy.monthly + more[4],
            yearly: policy.yearly + more[5],
            ..policy.clone()
        };
        for (small, large) in fates(&all, &policy).into_iter().zip(fates(&all, &larger)) {
            prop_assert!(large != Go || small == Go);
        }
    }

    #[test]
    fn nothing_goes_when_nothing_is_verified(mut all in any_history(), policy in any_policy()) {
        all.iter_mut().for_each(|it| it.verified = None);
        prop_assert!(fates(&all, &policy).iter().all(|it| *it != Go));
    }
}
