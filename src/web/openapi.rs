//! The description of the API, from the code that answers.

use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{Object, Type};
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema as _};

use super::reply::RefusalWords;
use super::{
    about, backup, controls, dashboard, events, history, log, login, nearby, prometheus, restore,
    roof, settings, state, support, upload,
};

#[derive(utoipa::OpenApi)]
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
        upload::upload,
        upload::retry,
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
        nearby::nearby,
        nearby::search,
        dashboard::energy_dashboard,
        dashboard::add,
        support::support,
        backup::backup,
        restore::look_through,
        restore::put_back,
        restore::throw_away,
        prometheus::metrics,
    )
)]
struct ApiDescription;

/// What any question may be answered with, and what any change, beside what is said of each.
const OF_ALL: [(u16, &str); 3] = [
    (403, "asked from the page of somebody else"),
    (421, "asked by a name that is not one of this computer"),
    (503, "there is no room at the moment, or nothing runs"),
];
const OF_CHANGES: [(u16, &str); 4] = [
    (400, "what was sent is not as expected"),
    (408, "what was sent took too long"),
    (413, "what was sent is too large"),
    (415, "what was sent is not JSON"),
];

/// Adds what is true of many.
fn complete(description: &mut OpenApi) {
    for item in description.paths.paths.values_mut() {
        let changes = [&mut item.post, &mut item.put, &mut item.delete];
        for change in changes.into_iter().flatten() {
            add(change, &OF_CHANGES);
            add(change, &OF_ALL);
            for (name, about) in [
                ("X-Wattbridge", "`1`: other pages cannot say that"),
                ("Origin", "the address of the page itself"),
            ] {
                let header = ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Header)
                    .required(Required::True)
                    .description(Some(about))
                    .schema(Some(Object::with_type(Type::String)));
                let header = header.build();
                change
                    .parameters
                    .get_or_insert_default()
                    .push(header.into());
            }
        }
        if let Some(question) = &mut item.get {
            let parameters = question.parameters.iter().flatten();
            let mut parameters = parameters.filter_map(|it| match it {
                RefOr::T(parameter) => Some(&parameter.parameter_in),
                RefOr::Ref(_) => None,
            });
            if parameters.any(|place| *place == ParameterIn::Query) {
                add(question, &[(400, "what is asked is not as expected")]);
            }
            add(question, &OF_ALL);
        }
    }
}

fn add(operation: &mut Operation, answers: &[(u16, &str)]) {
    for (status, about) in answers {
        let words = Ref::from_schema_name(RefusalWords::name());
        let answer = ResponseBuilder::new()
            .description(*about)
            .content("application/json", Content::new(Some(words)))
            .build();
        let answers = &mut operation.responses.responses;
        answers.entry(status.to_string()).or_insert(answer.into());
    }
}

/// `docs/openapi.json`.
pub fn openapi() -> String {
    let mut description = ApiDescription::openapi();
    complete(&mut description);
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

    #[test]
    fn all_that_it_refers_to_is_there() {
        let text = openapi();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let names = text.split("#/components/schemas/").skip(1);
        let names: BTreeSet<&str> = names.filter_map(|it| it.split('"').next()).collect();
        assert!(names.len() > 10);
        for name in names {
            assert!(json["components"]["schemas"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn whatever_the_page_sends_has_its_place_in_the_table() {
        use std::fs;
        use std::path::{Path, PathBuf};

        fn scripts(folder: &Path) -> Vec<PathBuf> {
            let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
            let within = |path: PathBuf| match path.is_dir() {
                true if path.ends_with("vendor") => Vec::new(),
                true => scripts(&path),
                false => vec![path],
            };
            entries.flat_map(within).collect()
        }
        let sends = regex::Regex::new(r"(?:send|change)\('([A-Z]+)', ['`]([^'`]+)['`]").unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/web/assets");
        let mut seen = BTreeSet::new();
        for file in scripts(&folder) {
            let text = fs::read_to_string(&file).unwrap_or_default();
            for found in sends.captures_iter(&text) {
                let path = format!("/api/v1/{}", &found[2]);
                let is_it = |row: &str| {
                    let (row, path) = (row.split('/'), path.split('/'));
                    row.clone().count() == path.clone().count()
                        && row.zip(path).all(|(one, other)| {
                            one == other || one.starts_with('{') && other.contains("${")
                        })
                };
                assert!(
                    table()
                        .iter()
                        .any(|it| it.method == found[1] && is_it(it.path)),
                    "{}: {} {path}",
                    file.display(),
                    &found[1]
                );
                seen.insert(format!("{} {path}", &found[1]));
            }
        }
        assert!(seen.len() > 8, "{seen:?}");
    }
}
