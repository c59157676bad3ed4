//! What earlier configurations are called that wattbridge has kept.

/// Whether wattbridge itself calls one so, by what follows the name of the configuration and a dot: a moment as in
/// `2026-06-14T1342Z`, a number as in `old-1`, or a restore as in `before-restore-20260614-101500`.
pub(super) fn is_earlier(ending: &str) -> bool {
    let is_number = |text: &str| {
        (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if let Some(number) = ending.strip_prefix("old-") {
        return is_number(number);
    }
    if let Some(moment) = ending.strip_prefix("before-restore-") {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        return moment.len() <= 40 && moment.bytes().all(is_plain);
    }
    let (moment, number) = ending.split_once("Z-").map_or_else(
        || (ending.strip_suffix('Z'), None),
        |(moment, number)| (Some(moment), Some(number)),
    );
    let is_like = |(byte, like): (u8, u8)| match like {
        b'0' => byte.is_ascii_digit(),
        _ => byte == like,
    };
    let like = b"0000-00-00T0000";
    moment.is_some_and(|moment| {
        moment.len() == like.len() && moment.bytes().zip(like.iter().copied()).all(is_like)
    }) && number.is_none_or(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_wattbridge_has_kept_is_an_earlier_one() {
        for ending in [
            "2026-06-14T1342Z",
            "2026-06-14T1342Z-2",
            "old-1",
            "before-restore-20260614-101500",
        ] {
            assert!(is_earlier(ending), "{ending}");
        }
        for other in [
            "",
            "db.restoring",
            "old-",
            "old-1.restoring",
            "before-restore-x/y",
            "before-restore-.restoring",
            "2026-06-14T1342Z-",
            "2026-06-14T1342Z-x",
            "2026-06-14T1342",
            "2026-06-14T13422Z",
            "restored",
        ] {
            assert!(!is_earlier(other), "{other}");
        }
    }
}
