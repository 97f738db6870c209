//! The page of alerts, from the chart's.

use super::generated::cell;
use crate::kept::root;
use serde_json::Value;

/// Name and text of the page.
pub(super) fn page() -> (String, String) {
    let file = std::fs::read_to_string(root().join("charts/wharfinger/files/alerts.yaml")).unwrap();
    let mut text = "# Every alert\n\nThe chart makes these with `prometheusRule.enabled`. Where the Prometheus operator is not used, take \
                    [alerts.yaml](../../charts/wharfinger/files/alerts.yaml) as a file of rules, with the labels of your \
                    controller in the place of `OF_THIS_RELEASE`, such as `namespace=\"wharfinger-system\"`. What the metrics mean: [metrics](../metrics.md).\n"
        .to_owned();
    for alert in alerts(&file) {
        let word = |path: &str| alert.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{alert}: no {path}"));
        text.push_str(&format!(
            "\n## {}\n\n{}.\n\n```promql\n{}\n```\n\nSeverity `{}`, after {}. What to do: {}\n",
            word("/alert"),
            plain(word("/annotations/summary")),
            word("/expr"),
            word("/labels/severity"),
            word("/for"),
            plain(word("/annotations/description")),
        ));
    }
    ("alerts.md".to_owned(), text)
}

fn alerts(file: &str) -> Vec<Value> {
    let parsed: Value = serde_saphyr::from_str(file).unwrap();
    let groups = parsed["groups"].as_array().unwrap();
    groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).cloned().collect()
}

/// A text of Prometheus' templates, with the labels' names in their places.
fn plain(text: &str) -> String {
    cell(&text.replace("{{ $labels.", "*").replace(" }}", "*"))
}

#[test]
fn labels_stand_for_their_values() {
    assert_eq!(plain("AWS denies {{ $labels.service }} {{ $labels.operation }}"), "AWS denies *service* *operation*");
    assert!(page().1.matches("\n## Wharfinger").count() > 4);
}
