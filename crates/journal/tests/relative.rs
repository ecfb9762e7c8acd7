//! A state directory named from where one stands. Alone in its file, since it changes where the process stands.

use keel_journal::FsDisk;

#[test]
fn a_directory_may_be_named_from_where_one_stands() {
    let dir = tempfile::tempdir().unwrap();
    std::env::set_current_dir(dir.path()).unwrap();
    FsDisk::lock("state").unwrap();
    assert!(dir.path().join("state/lock").is_file());
}
