//! The reference.

use schemars::schema_for;

use super::super::{SectionDoc, reference};
use super::*;

#[test]
fn reads_like_a_page() {
    let docs = [
        SectionDoc {
            heading: "[mqtt]",
            about: "The broker that Home Assistant listens to. Without this section wattbridge looks for a broker on the machine it runs on.",
            schema: schema_for!(Mqtt),
            defaults: serde_json::to_value(Mqtt::default()).unwrap(),
            example: "[mqtt]\nhost = \"192.168.1.2\"\n",
        },
        SectionDoc {
            heading: "[[my_box]]",
            about: "A box.",
            schema: schema_for!(Box),
            defaults: serde_json::json!({ "poll_interval": Period::minutes(5), "peers": ["a", "b"] }),
            example: "",
        },
    ];
    assert_eq!(reference(&docs), PAGE);
}

const PAGE: &str = r#"## `[mqtt]`

The broker that Home Assistant listens to. Without this section wattbridge looks for a broker on the
machine it runs on.

| Key | Type | Default | Meaning |
|---|---|---|---|
| `host` | text | `"localhost"` | Name or address of the broker. |
| `port` | whole number, 0 to 65535 | `1883` | Its port. |
| `username` | text | none | The user; without one wattbridge logs in as nobody. |
| `password` | secret | none | The password that goes with it. |
| `retain` | `true` or `false` | `true` | Whether the broker keeps states. |
| `keep_alive` | duration | `"30s"` | How often the connection is checked. |
| `tls` | table |  | Encryption. |
| `tls.enabled` | `true` or `false` | `false` | Whether to encrypt. |
| `tls.ca_file` | text | none | The broker's certificate authority. |
| `tls.version` | `"any"`, `"modern"` | `"any"` | Which versions to offer. |

`port`: Usually 1883, or 8883 with TLS. Brokers that run as a Home Assistant app show the port on
their page under Network, where it can be changed as well.

`tls.version` is one of

- `"any"`: Whatever the broker offers.
- `"modern"`: 1.3 and nothing older.

```toml
[mqtt]
host = "192.168.1.2"
```

## `[[my_box]]`

A box.

| Key | Type | Default | Meaning |
|---|---|---|---|
| `host` | text | required | Its address. |
| `serial` | text | `""` | Its serial number. |
| `poll_interval` | duration | `"5m"` | How often it is asked. |
| `keys` | table of names, each with: secret | none | Keys by serial number. |
| `peers` | list of text | `["a", "b"]` | Peers to listen for. |
| `panels` | list of tables | `[]` | The panels of its inverters. |
| `link` | table |  | The way to it. |
| `link.type` | `"none"`, `"serial"`, `"tcp"` | `"none"` |  |
| `link.device` | text | none | The serial port. |
| `link.address` | text | none | The address. |

Each `[[my_box.panels]]`:

| Key | Type | Default | Meaning |
|---|---|---|---|
| `name` | text | `""` | What it is called. |
| `watts` | whole number | `0` | Its size in watts. |
"#;
