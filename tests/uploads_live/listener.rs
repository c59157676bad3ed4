//! A listener as strict as Domoticz: what it would throw away fails the test.

use serde_json::Value as Json;

use crate::wire::Seen;

/// The idx and the svalue of a message that Domoticz takes.
pub(crate) fn accept(seen: &Seen) -> Result<(u64, String), String> {
    if seen.old {
        return Err("it was kept by the broker".to_owned());
    }
    let json: Json = serde_json::from_str(&seen.text).map_err(|error| error.to_string())?;
    let object = json.as_object().ok_or("it is no object")?;
    let idx = object.get("idx").and_then(Json::as_u64);
    let idx = idx.filter(|idx| *idx > 0).ok_or("idx is no integer")?;
    let nvalue = object.get("nvalue").and_then(Json::as_i64);
    nvalue.ok_or("nvalue is no integer")?;
    let svalue = object.get("svalue").and_then(Json::as_str);
    let svalue = svalue.ok_or("svalue is no text")?;
    let is_known =
        |key: &String| ["idx", "nvalue", "svalue", "Battery", "RSSI"].contains(&key.as_str());
    if !object.keys().all(is_known) {
        return Err("there is more in it".to_owned());
    }
    Ok((idx, svalue.to_owned()))
}

#[test]
fn the_listener_throws_away_what_domoticz_does() {
    let seen = |text: &str, old| Seen {
        topic: "domoticz/in".to_owned(),
        text: text.to_owned(),
        old,
    };
    let right = r#"{"idx":1,"nvalue":0,"svalue":"5"}"#;
    assert_eq!(accept(&seen(right, false)), Ok((1, "5".to_owned())));
    for wrong in [
        r#"{"idx":"1","nvalue":0,"svalue":"5"}"#,
        r#"{"idx":1,"nvalue":"0","svalue":"5"}"#,
        r#"{"idx":1,"nvalue":0,"svalue":5}"#,
        r#"{"idx":0,"nvalue":0,"svalue":"5"}"#,
        r#"{"idx":1,"nvalue":0}"#,
        "5",
        "",
    ] {
        assert!(accept(&seen(wrong, false)).is_err(), "{wrong}");
    }
    assert!(accept(&seen(right, true)).is_err());
}
