//! The files under `crds/` are what the types say now, and the API server can take them.

use std::path::PathBuf;

#[test]
fn the_files_are_what_the_types_say() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("crds");
    let generated = wharfinger::api::crds().unwrap();
    assert_eq!(generated.len(), 2, "one file a kind");
    for (name, text) in generated {
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(&name), &text).unwrap();
        }
        let found = std::fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(found == text, "crds/{name} is not what src/api says: run `make crds`");
    }
}
