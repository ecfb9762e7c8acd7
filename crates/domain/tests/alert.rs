//! The classes of alerts, as metrics and people see them.

use std::collections::BTreeSet;

use keel_domain::AlertClass;

#[test]
fn every_class_has_a_name_of_its_own_that_is_a_label_and_says_what_to_do() {
    let names: BTreeSet<&str> = AlertClass::ALL.iter().map(|class| class.name()).collect();
    assert_eq!(names.len(), AlertClass::ALL.len());
    for class in AlertClass::ALL {
        let is_label = |c: char| c.is_ascii_lowercase() || c == '-';
        assert!(class.name().chars().all(is_label), "{class}");
        assert!(!class.remedy().is_empty(), "{class}");
    }
}

#[test]
fn an_alert_reads_who_has_to_act_first() {
    let alert = AlertClass::Clock.alert("it jumped");
    assert_eq!(alert.to_string(), "[host-administrator] it jumped");
}
