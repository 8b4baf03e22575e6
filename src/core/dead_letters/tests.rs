use super::*;

pub(super) fn failure(event_type: &str, message: &str) -> Failure {
    Failure {
        event_type: event_type.into(),
        message: message.into(),
        error_names: vec!["Error".into()],
        attempts: 2,
        ..Failure::default()
    }
}

pub(super) fn book() -> DeadLetters {
    DeadLetters::new(3, 1_000.0)
}

fn stored(id: &str, entered_at: f64) -> StoredLetter {
    StoredLetter {
        id: id.into(),
        event_type: "x".into(),
        messages: vec!["m".into()],
        tags: Vec::new(),
        entered_at,
        attempts: 1,
        standing: Standing::Reprocessable,
    }
}

fn all(book: &DeadLetters) -> Vec<String> {
    book.page(99, 0, None).ids
}

#[test]
fn the_oldest_letter_leaves_a_full_book() {
    let mut book = book();
    for (at, id) in [(2.0, "a"), (1.0, "b"), (3.0, "c")] {
        book.file(at, id, &failure("x.y", "m"));
    }
    assert_eq!(
        book.file(9.0, "d", &failure("x.y", "m")).evicted,
        ["b"],
        "by entry time"
    );
    assert_eq!((book.len(), book.counters().evicted), (3, 1));
}

#[test]
fn a_new_letter_stays_though_the_clock_was_set_back() {
    let mut book = book();
    for id in ["a", "b", "c"] {
        book.file(100.0, id, &failure("x", "m"));
    }
    assert_eq!(book.file(5.0, "d", &failure("x", "m")).evicted, ["a"]);
    assert!(book.get("d").is_some());
}

#[test]
fn a_letter_that_fails_again_keeps_its_place_and_gathers_errors() {
    let mut book = book();
    for n in 0..12 {
        let filed = book.file(f64::from(n), "a", &failure("x", &format!("m{n}")));
        assert_eq!(filed.is_new, n == 0);
        assert_eq!(filed.dropped_error, (n >= 10).then_some(1));
    }
    let letter = book.get("a").unwrap();
    assert_eq!(letter.entered_at, 0.0);
    assert_eq!(letter.errors.len(), MAX_ERRORS);
    assert_eq!(letter.errors[9].message, "m11");
}

#[test]
fn restored_letters_stand_before_those_filed_meanwhile_and_do_not_replace_them() {
    let mut book = book();
    book.file(9.0, "a", &failure("x", "new"));
    assert!(book.restore(stored("a", 1.0)).is_empty());
    assert_eq!(book.get("a").unwrap().errors[0].message, "new");
    book.restore(stored("b", 2.0));
    book.restore(stored("c", 3.0));
    assert_eq!(all(&book), ["b", "c", "a"]);
    assert_eq!(book.restore(stored("d", 1.0)), ["d"], "the oldest");
    assert_eq!(book.restore(stored("e", 2.5)), ["b"]);
}

#[test]
fn a_poisoned_letter_is_not_taken_but_may_be_removed() {
    let mut book = book();
    book.file(0.0, "a", &failure("x", "m"));
    assert_eq!(book.poison("a", "bad".into()), Some(None));
    assert_eq!(book.poison("b", "bad".into()), None);
    assert!(!book.take("a") && !book.take("b"));
    book.file(1.0, "a", &failure("x", "m"));
    assert!(
        !book.is_reprocessable("a"),
        "failing again does not cure it"
    );
    assert!(book.remove("a") && !book.remove("a") && book.is_empty());
}

#[test]
fn letters_expire_after_their_time() {
    let mut book = book();
    assert_eq!(book.next_deadline(), None);
    for (at, id) in [(600.0, "b"), (0.0, "a"), (1_200.0, "c")] {
        book.file(at, id, &failure("x", "m"));
    }
    assert_eq!(book.next_deadline(), Some(1_000.0));
    assert_eq!(book.expire(999.0), [""; 0]);
    assert_eq!(book.expire(1_600.0), ["a", "b"]);
    assert_eq!(book.next_deadline(), Some(2_200.0));
    assert_eq!((book.len(), book.counters().expired), (1, 2));
}

#[test]
fn sweeps_wait_for_the_next_deadline_in_whole_intervals() {
    let mut book = book();
    assert_eq!(book.sweep_delay(0.0, 300.0), None);
    book.file(0.0, "a", &failure("x", "m"));
    assert_eq!(book.sweep_delay(0.0, 300.0), Some(1_200.0));
    assert_eq!(book.sweep_delay(100.0, 300.0), Some(900.0));
    assert_eq!(
        book.sweep_delay(5_000.0, 300.0),
        Some(300.0),
        "never at once"
    );
}

#[test]
fn clearing_leaves_an_empty_book_that_can_be_used() {
    let mut book = book();
    book.file(0.0, "a", &failure("x", "m"));
    assert_eq!(book.clear(), 1);
    assert!(book.is_empty() && book.next_deadline().is_none());
    assert!(book.file(0.0, "a", &failure("x", "m")).is_new);
}
