//! The plan alone: the same seed gives the same fates, a file's mistakes are told where they are, every bound holds.

use std::time::Duration;

use keel_domain::Timestamp;
use keel_sim_exchange::faults::{
    AddError, ConnectionFacts, EventFacts, EventFate, FaultFile, FaultPlan, RequestFacts, RequestFate,
};
use proptest::prelude::*;

const T0: Timestamp = Timestamp::from_millis(1_700_000_000_000);

const CLASSES: [&str; 6] = [
    "[[rule]]\nrequest = \"*\"\naction = \"lose_answer\"\nprobability = 0.3\n",
    "[[rule]]\nrequest = \"*\"\naction = \"delay\"\nms = [1, 1000]\nprobability = 0.3\n",
    "[[rule]]\nrequest = \"*\"\naction = \"status\"\nprobability = 0.3\nmax = 20\n",
    "[[rule]]\nevent = \"*\"\naction = \"drop\"\nprobability = 0.3\n",
    "[[rule]]\nid = \"late\"\nevent = \"*\"\naction = \"delay\"\nms = [1, 1000]\nprobability = 0.3\n",
    "[[rule]]\nevent = \"*\"\naction = \"stall\"\nfor_s = 2\nprobability = 0.05\n",
];

fn plan(seed: u64, text: &str) -> FaultPlan {
    let mut plan = FaultPlan::new(seed);
    plan.add(T0, FaultFile::parse("f.toml", text).unwrap().rules)
        .unwrap();
    plan
}

fn at(seconds: u64) -> Timestamp {
    T0.plus(Duration::from_secs(seconds))
}

fn request<'a>() -> RequestFacts<'a> {
    RequestFacts {
        method: "POST",
        name: "/api/v3/order",
        ..RequestFacts::default()
    }
}

fn event<'a>() -> EventFacts<'a> {
    EventFacts {
        connection: 1,
        kind: "trade",
        is_user: false,
        account: None,
        symbol: Some("BTCUSDT"),
        cl_ord_id: None,
    }
}

/// What a plan decides on a hundred requests and events.
fn fates(plan: &mut FaultPlan) -> Vec<(RequestFate, EventFate)> {
    (0..100)
        .map(|second| {
            (
                plan.on_request(at(second), &request()),
                plan.on_event(at(second), &event()),
            )
        })
        .collect()
}

/// How often each rule's turn came, by id: what a rule chose, whether or not another came first.
fn logged(plan: &mut FaultPlan, action: &str) -> Vec<String> {
    std::iter::from_fn(|| plan.poll_injected())
        .filter(|injected| injected.action == action)
        .map(|injected| injected.rule)
        .collect()
}

proptest! {
    #[test]
    fn the_same_seed_gives_the_same_fates(seed: u64) {
        let text = CLASSES.concat();
        prop_assert_eq!(fates(&mut plan(seed, &text)), fates(&mut plan(seed, &text)));
    }

    #[test]
    fn taking_a_class_out_does_not_shift_the_others(seed: u64, gone in 0..3_usize) {
        let without: String = CLASSES[..3].iter().enumerate().filter(|(index, _)| *index != gone).map(|(_, rule)| *rule).collect();
        let all = fates(&mut plan(seed, &CLASSES[..3].concat()));
        let rest = fates(&mut plan(seed, &without));
        for (with, alone) in all.iter().zip(&rest) {
            // Where the class that is gone did nothing, what the others do is as before.
            let is_of_gone = match gone {
                0 => matches!(with.0, RequestFate::Lose(..)),
                1 => matches!(with.0, RequestFate::Delay(..)),
                _ => matches!(with.0, RequestFate::Answer(..)),
            };
            if !is_of_gone {
                prop_assert_eq!(&with.0, &alone.0);
            }
        }
    }
}

#[test]
fn another_seed_gives_other_fates() {
    let text = CLASSES.concat();
    assert_ne!(fates(&mut plan(1, &text)), fates(&mut plan(2, &text)));
}

#[test]
fn every_rule_has_a_random_stream_of_its_own() {
    let text = "[[rule]]\nrequest = \"*\"\naction = \"cut_body\"\nprobability = 0.5\n\
                [[rule]]\nevent = \"*\"\naction = \"drop\"\nprobability = 0.5\n";
    let fates = fates(&mut plan(1, text));
    let alike = fates
        .iter()
        .filter(|(request, event)| (*request == RequestFate::Cut) == (*event == EventFate::Drop))
        .count();
    assert!((25..=75).contains(&alike), "{alike} of 100");
}

#[test]
fn a_probability_is_met() {
    let mut plan = plan(
        3,
        "[[rule]]\nrequest = \"*\"\naction = \"cut_body\"\nprobability = 0.25\n",
    );
    let hits = (0..10_000)
        .filter(|_| plan.on_request(T0, &request()) == RequestFate::Cut)
        .count();
    assert!((2_300..=2_700).contains(&hits), "{hits}");
}

#[test]
fn nth_max_from_and_until_bound_a_rule() {
    let hits = |when: &str| -> Vec<u64> {
        let mut plan = plan(
            1,
            &format!("[[rule]]\nrequest = \"*\"\naction = \"cut_body\"\n{when}\n"),
        );
        (0..10)
            .filter(|second| plan.on_request(at(*second), &request()) == RequestFate::Cut)
            .collect()
    };
    assert_eq!(hits("nth = 3"), [2]);
    assert_eq!(hits("max = 2"), [0, 1]);
    assert_eq!(hits("from_s = 3\nuntil_s = 5"), [3, 4]);
    assert_eq!(hits("probability = 0"), [0; 0]);
    assert_eq!(hits("symbol = \"ETHUSDT\""), [0; 0]);
    assert_eq!(hits("account = \"somebody\""), [0; 0]);
}

#[test]
fn of_two_rules_that_fire_at_once_the_first_is_carried_out_and_counted() {
    let mut plan = plan(
        1,
        "[[rule]]\nrequest = \"*\"\naction = \"cut_body\"\n[[rule]]\nrequest = \"*\"\naction = \"reset\"\n",
    );
    assert_eq!(plan.on_request(T0, &request()), RequestFate::Cut);
    let counts: Vec<(u64, u64)> = plan
        .report(T0)
        .iter()
        .map(|rule| (rule.matched, rule.fired))
        .collect();
    assert_eq!(counts, [(1, 1), (1, 0)]);
}

#[test]
fn requests_are_named_by_method_and_path_or_by_the_ws_apis_method() {
    let hits = |name: &str, method: &str, target: &str| {
        let mut plan = plan(
            1,
            &format!("[[rule]]\nrequest = \"{name}\"\naction = \"cut_body\"\n"),
        );
        let facts = RequestFacts {
            method,
            name: target,
            ..RequestFacts::default()
        };
        plan.on_request(T0, &facts) == RequestFate::Cut
    };
    assert!(hits("POST /api/v3/order", "POST", "/api/v3/order"));
    assert!(!hits("POST /api/v3/order", "DELETE", "/api/v3/order"));
    assert!(hits("/api/v3/*", "DELETE", "/api/v3/openOrders"));
    assert!(hits("order.*", "", "order.place"));
    assert!(!hits("order.*", "POST", "/api/v3/order"));
    assert!(hits("*", "", "order.place") && hits("*", "GET", "/api/v3/time"));
}

#[test]
fn bounds_hold() {
    let mut plan = FaultPlan::new(1);
    let one = |index: usize| {
        let text = format!("[[rule]]\nid = \"r{index}\"\nrequest = \"*\"\naction = \"cut_body\"\n");
        FaultFile::parse("f.toml", &text).unwrap().rules
    };
    for index in 0..FaultPlan::RULES_MAX {
        plan.add(T0, one(index)).unwrap();
    }
    assert_eq!(plan.add(T0, one(FaultPlan::RULES_MAX)), Err(AddError::TooMany));
    assert!(plan.remove("r0"));
    assert_eq!(plan.add(T0, one(5)), Err(AddError::Duplicate("r5".to_owned())));
    plan.add(T0, one(0)).unwrap();
    for _ in 0..FaultPlan::INJECTED_MAX + 5 {
        plan.on_request(T0, &request());
    }
    assert_eq!(
        logged(&mut plan, "cut_body").len(),
        FaultPlan::INJECTED_MAX,
        "the log is bounded"
    );
    let fired: u64 = plan.report(T0).iter().map(|rule| rule.fired).sum();
    assert_eq!(fired, FaultPlan::INJECTED_MAX as u64 + 5, "the counts are whole");
}

#[test]
fn denials_are_bounded_and_the_oldest_are_forgotten() {
    let mut plan = plan(
        1,
        "[[rule]]\naction = \"deny_order\"\nfor_s = 10\nlists = \"hide\"\n",
    );
    for order_id in 0..=FaultPlan::DENIALS_MAX as u64 {
        let facts = RequestFacts {
            method: "GET",
            name: "/api/v3/order",
            order_id: Some(order_id),
            ..RequestFacts::default()
        };
        assert_eq!(plan.on_request(T0, &facts), RequestFate::Deny);
    }
    assert!(!plan.hides(T0, 0) && plan.hides(T0, 1));
    assert!(plan.hides(T0, FaultPlan::DENIALS_MAX as u64));
    assert!(!plan.hides(at(10), 1));
}

#[test]
fn a_visit_is_due_at_its_time_and_again() {
    let mut plan = plan(
        1,
        "[[rule]]\nconnection = \"streams\"\naction = \"disconnect\"\nfrom_s = 5\nevery_s = 10\nuntil_s = 20\n",
    );
    assert_eq!(plan.next_deadline(), Some(at(5)));
    let open = [
        ConnectionFacts {
            connection: 1,
            kind: "streams",
        },
        ConnectionFacts {
            connection: 2,
            kind: "ws_api",
        },
    ];
    let hits: Vec<u64> = (0..40)
        .filter(|second| !plan.due_connection_faults(at(*second), &open).is_empty())
        .collect();
    assert_eq!(hits, [5, 15]);
}

/// A mistake: the rule's text, the line it is on, the key, and words of the problem and of the remedy.
const MISTAKES: [(&str, usize, &str, &str, &str); 22] = [
    (
        "request = \"*\"\naction = \"drop\"",
        2,
        "event",
        "is missing",
        "executionReport",
    ),
    (
        "request = \"*\"\naction = \"explode\"",
        3,
        "action",
        "`explode` is not known",
        "lose_answer",
    ),
    ("request = \"*\"", 2, "action", "is missing", "lose_answer"),
    (
        "request = \"*\"\naction = \"cut_body\"\nprobabilty = 1",
        4,
        "probabilty",
        "is not known here",
        "probability",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nms = 5",
        4,
        "ms",
        "is not known here",
        "this table takes",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nprobability = 1.5",
        4,
        "probability",
        "1.5 is no probability",
        "0 to 1",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nprobability = -0.1",
        4,
        "probability",
        "-0.1 is no probability",
        "0 to 1",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nprobability = \"often\"",
        4,
        "probability",
        "is no number",
        "0.5",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nnth = 0",
        4,
        "nth",
        "`0` is no count",
        "1, 2, 3",
    ),
    (
        "request = \"*\"\naction = \"cut_body\"\nfrom_s = 5\nuntil_s = 5",
        5,
        "until_s",
        "is not after from_s",
        "later",
    ),
    (
        "request = []\naction = \"cut_body\"",
        2,
        "request",
        "neither a text nor a list",
        "[\"...\"",
    ),
    (
        "request = \"*\"\naction = \"delay\"",
        2,
        "ms",
        "is missing",
        "[100, 900]",
    ),
    (
        "request = \"*\"\naction = \"delay\"\nms = [9, 1]",
        4,
        "ms",
        "is no span",
        "[100, 900]",
    ),
    (
        "request = \"*\"\naction = \"status\"\nstatus = 404",
        4,
        "status",
        "404 does not fit",
        "500 to 599",
    ),
    (
        "request = \"*\"\naction = \"unknown_outcome\"\ncode = -2010",
        4,
        "code",
        "does not say that",
        "-1006 or -1007",
    ),
    (
        "request = \"*\"\naction = \"rate_limit\"\nretry_after_s = -1",
        4,
        "retry_after_s",
        "no span of seconds",
        "seconds",
    ),
    (
        "event = \"*\"\naction = \"corrupt\"",
        2,
        "what",
        "is missing",
        "broken_json",
    ),
    (
        "connection = \"rest\"\naction = \"disconnect\"",
        2,
        "connection",
        "`rest` is not known",
        "ws_api",
    ),
    (
        "connection = \"*\"\naction = \"disconnect\"\nevery_s = 0",
        4,
        "every_s",
        "is too short",
        "0.1",
    ),
    (
        "action = \"maintenance\"\nprobability = 0.5",
        3,
        "probability",
        "is not known here",
        "from_s",
    ),
    (
        "action = \"filters\"\nsymbol = \"BTCUSDT\"",
        2,
        "action",
        "changes nothing",
        "tick_size",
    ),
    (
        "id = \"a b\"\nrequest = \"*\"\naction = \"cut_body\"",
        2,
        "id",
        "`a b` is no name",
        "letters",
    ),
];

#[test]
fn a_mistake_is_told_with_file_line_key_and_remedy() {
    for (rule, line, key, problem, remedy) in MISTAKES {
        let error = FaultFile::parse("f.toml", &format!("[[rule]]\n{rule}\n")).unwrap_err();
        let place = format!("f.toml:{line}:");
        // A missing key is told where its table begins.
        let begins = if problem == "is missing" || problem == "changes nothing" {
            "f.toml:"
        } else {
            &place
        };
        assert!(error.place.starts_with(begins), "{rule}: {error}");
        assert_eq!(error.key, key, "{rule}: {error}");
        assert!(error.problem.contains(problem), "{rule}: {error}");
        assert!(error.remedy.contains(remedy), "{rule}: {error}");
    }
}

#[test]
fn mistakes_outside_rules_are_told_too() {
    for (text, key, problem) in [
        ("sed = 1", "sed", "is not known here"),
        ("seed = -1", "seed", "cannot be read"),
        ("rule = 1", "rule", "is no list of tables"),
        ("[[rule]\n", "", ""),
        ("{\"rule\": [", "", "EOF"),
        (
            "{\"rule\": [{\"request\": \"*\", \"action\": \"explode\"}]}",
            "action",
            "`explode` is not known",
        ),
    ] {
        let error = FaultFile::parse("f.toml", text).unwrap_err();
        assert_eq!(error.key, key, "{error}");
        assert!(error.problem.contains(problem), "{error}");
    }
    let twice = "[[rule]]\nid = \"a\"\nrequest = \"*\"\naction = \"cut_body\"\n".repeat(2);
    let error = FaultFile::parse("f.toml", &twice).unwrap_err();
    assert_eq!((error.place.as_str(), error.key.as_str()), ("f.toml:6:6", "id"));
}

#[test]
fn the_same_rules_can_be_written_in_toml_and_json() {
    let toml = "seed = 5\n[[rule]]\nid = \"a\"\nevent = [\"depth\"]\naction = \"gap\"\nframes = 2\nprobability = 0.5\n";
    let json = r#"{"seed": 5, "rule": [{"id": "a", "event": ["depth"], "action": "gap", "frames": 2, "probability": 0.5}]}"#;
    assert_eq!(FaultFile::parse("f", toml), FaultFile::parse("f", json));
}

#[test]
fn every_action_and_every_model_is_documented() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = std::fs::read_to_string(format!("{root}/docs/FAULTS.md")).unwrap();
    let error = FaultFile::parse("f", "[[rule]]\naction = \"?\"\n").unwrap_err();
    let actions = error.remedy.strip_prefix("use one of ").unwrap();
    for action in actions.split(", ") {
        assert!(text.contains(&format!("`{action}`")), "{action}");
    }
    for entry in std::fs::read_dir(format!("{root}/config/faults")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(text.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_model_files_can_be_used() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/faults");
    let mut count = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let file =
            FaultFile::parse(&path.display().to_string(), &text).unwrap_or_else(|error| panic!("{error}"));
        let mut plan = FaultPlan::new(1);
        plan.add(T0, file.rules).unwrap();
        assert!(!plan.is_empty());
        count += 1;
    }
    assert!(count >= 15, "{count}");
}

/// The fault files that come with the project.
fn models() -> Vec<String> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/faults");
    let files = std::fs::read_dir(dir).unwrap();
    files
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_mutated_model_is_read_or_refused_and_what_is_read_runs(
        model in prop::sample::select(models()),
        scratches in prop::collection::vec((any::<prop::sample::Index>(), "[ -~\\n]{0,3}"), 1..4),
    ) {
        let mut text: Vec<String> = model.chars().map(String::from).collect();
        for (place, by) in scratches {
            let place = place.index(text.len());
            text[place] = by;
        }
        if let Ok(file) = FaultFile::parse("f.toml", &text.concat()) {
            let mut plan = FaultPlan::new(1);
            // A name that is there twice is refused.
            if plan.add(T0, file.rules).is_ok() {
                plan.venue_steps(T0.plus(Duration::from_secs(60)));
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = FaultFile::parse("f.toml", &text);
    }

    #[test]
    fn any_value_of_a_key_is_read_or_refused(
        key in prop::sample::select(vec!["request", "event", "connection", "action", "probability", "nth", "max", "from_s", "until_s", "ms", "for_s", "status", "code", "every_s"]),
        value in prop::sample::select(vec!["1", "-1", "0.5", "1e400", "1e-30", "\"x\"", "[]", "[1]", "[1,2]", "true", "{}", "1979-05-27", "0x10", "inf", "nan", "99999999999999999999", "\"*\""]),
        action in prop::sample::select(vec!["delay", "status", "reject", "stall", "disconnect", "clock_skew", "filters"]),
    ) {
        let _ = FaultFile::parse("f.toml", &format!("[[rule]]\naction = \"{action}\"\n{key} = {value}\n"));
    }
}
