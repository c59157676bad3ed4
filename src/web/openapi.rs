//! The description of the API, from the code that answers.

use utoipa::OpenApi;

use super::{
    about, backup, controls, energy, events, history, log, login, prometheus, roof, settings,
    state, support,
};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "wattbridge",
        description = "What the page of wattbridge is made from. Additions may come at any time: what is not known is passed over.",
        version = "1",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    paths(
        about::about,
        login::log_in,
        login::log_out,
        state::state,
        state::devices,
        state::device,
        history::health::health,
        history::power::power,
        history::power::usual,
        history::energy::energy,
        history::statistics::statistics,
        history::export::export,
        roof::roof,
        roof::arrange,
        roof::power::power,
        roof::weak::weak,
        events::events,
        controls::set,
        log::log,
        log::detail,
        settings::config,
        settings::save,
        settings::check,
        settings::reload,
        settings::copies,
        settings::copy,
        settings::schema,
        energy::energy_dashboard,
        support::support,
        backup::backup,
        prometheus::metrics,
    )
)]
struct ApiDescription;

/// `docs/openapi.json`.
pub fn openapi() -> String {
    let description = ApiDescription::openapi();
    let json = serde_json::to_string_pretty(&description).unwrap_or_default();
    format!("{json}\n")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes::table;
    use super::*;

    #[test]
    fn every_route_is_described_and_none_that_is_not_there() {
        let json: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
        let described: BTreeSet<String> = json["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let is_of_api = |path: &str| path.starts_with("/api/") || path == "/metrics";
        let there: BTreeSet<String> = table()
            .iter()
            .filter(|route| is_of_api(route.path) && !route.path.ends_with('/'))
            .map(|route| format!("{} {}", route.method, route.path))
            .collect();
        assert_eq!(described, there);
    }
}
