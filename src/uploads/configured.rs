//! All sections of services in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Plan, Succession, UPLOADS, Upload, UploadSource};
use crate::config::{File, Problem, Problems, SectionDoc};
use crate::device::ConfiguredSource;
use crate::history::History;
use crate::home_assistant::CoreAddress;
use crate::model::DeviceId;

/// The services that are configured.
#[derive(Debug, Clone, Default)]
pub struct Uploads {
    plans: Vec<(&'static dyn Upload, Arc<dyn Plan>)>,
    /// Services with a section that cannot be used.
    unread: BTreeSet<&'static str>,
}

impl Uploads {
    /// The names of these sections.
    pub fn sections() -> impl Iterator<Item = &'static str> {
        UPLOADS.iter().map(|upload| upload.name())
    }

    /// The pages about these sections.
    pub fn pages() -> Vec<SectionDoc<'static>> {
        UPLOADS.iter().map(|upload| upload.page()).collect()
    }

    /// Reads the sections; those that cannot be used are left out and told of.
    pub fn read(file: &File) -> (Self, Problems) {
        let (mut all, mut problems) = (Self::default(), Problems::new());
        let mut ids = BTreeMap::new();
        for upload in UPLOADS {
            for section in file.sections(upload.name()) {
                let plan = match upload.configure(&section) {
                    Ok(plan) => plan,
                    Err(wrong) => {
                        problems.extend(wrong);
                        all.unread.insert(upload.name());
                        continue;
                    }
                };
                let id = target_id(*upload, plan.as_ref());
                if let Some(line) = ids.insert(id.clone(), section.line()) {
                    let what = format!(
                        "line {}: [{}] would be called {id}, as the one in line {line} is",
                        section.line(),
                        upload.name()
                    );
                    let hint = "take one of the two sections away, or give it another account, database or name";
                    problems.push(Problem::new(file.name(), what, hint));
                    all.unread.insert(upload.name());
                    continue;
                }
                if plan.is_enabled() {
                    for (key, secret) in plan.secrets() {
                        if let Err(error) = secret.reveal() {
                            let what = format!("[{}] {key}: {error}", upload.name());
                            problems.push(Problem::new(file.name(), what, ""));
                        }
                    }
                }
                all.plans.push((*upload, Arc::from(plan)));
            }
        }
        (all, problems)
    }

    /// Home Assistant runs this program as an app, and answers here.
    pub fn meet_core(&mut self, core: &CoreAddress) {
        for (_, plan) in &mut self.plans {
            if let Some(plan) = Arc::get_mut(plan) {
                plan.meet_core(core);
            }
        }
    }

    /// Those that are switched on.
    pub fn switched_on(&self) -> impl Iterator<Item = (&'static dyn Upload, &Arc<dyn Plan>)> {
        let all = self.plans.iter();
        all.filter(|(_, plan)| plan.is_enabled())
            .map(|(upload, plan)| (*upload, plan))
    }

    /// The one that somebody means: by its id, such as `pvoutput_12345`, or by its service alone if there is no other.
    ///
    /// # Errors
    ///
    /// What there is instead.
    pub fn find(&self, word: &str) -> Result<NamedTarget, String> {
        let all: Vec<NamedTarget> = self.all().collect();
        let by_id = all.iter().find(|target| target.id == word);
        let mut of_service = all.iter().filter(|target| target.upload.name() == word);
        let found = by_id.or_else(|| of_service.next().filter(|_| of_service.next().is_none()));
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let names: Vec<&str> = all.iter().map(|target| target.id.as_str()).collect();
        Err(if names.is_empty() {
            "nothing is sent anywhere: the configuration has no section of a service that is switched on".to_owned()
        } else {
            format!(
                "there is no target \"{}\"; there are: {}",
                word.escape_debug(),
                names.join(", ")
            )
        })
    }

    /// Those that are switched on, with their names.
    pub fn all(&self) -> impl Iterator<Item = NamedTarget> {
        self.switched_on().map(|(upload, plan)| NamedTarget {
            upload,
            id: target_id(upload, plan.as_ref()),
            plan: Arc::clone(plan),
        })
    }

    /// Who goes on with what waits for targets that have no section any more.
    pub fn succession(&self) -> Succession {
        let mut succession = Succession::default();
        for (upload, plan) in &self.plans {
            let id = target_id(*upload, plan.as_ref());
            let takes_records = plan.records_of().is_some();
            succession.add(upload.name(), id, takes_records, plan.is_enabled());
        }
        for service in &self.unread {
            succession.add_unread(service);
        }
        succession
    }

    /// The sources of those that are switched on.
    pub fn sources(&self, history: &History) -> Vec<ConfiguredSource> {
        let succession = Arc::new(self.succession());
        if self.switched_on().next().is_none() {
            // Else the first of them does it, when it has taken over what is left.
            succession.forget_others(&history.cursors());
        }
        let sources = self.switched_on().map(|(upload, plan)| {
            let source = UploadSource::new(upload, Arc::clone(plan), history.clone());
            ConfiguredSource::from(Arc::new(source.after(&succession)))
        });
        sources.collect()
    }
}

/// One target with its names.
#[derive(Debug, Clone)]
pub struct NamedTarget {
    /// The service.
    pub upload: &'static dyn Upload,
    /// The section.
    pub plan: Arc<dyn Plan>,
    /// What people name it by, and what its cursor is kept under: `pvoutput_12345`.
    pub id: String,
}

/// What people name a target by, and what its cursor is kept under: the id of its device without what all of them begin
/// with.
pub fn target_id(upload: &dyn Upload, plan: &dyn Plan) -> String {
    DeviceId::new(upload.name(), &plan.short()).to_string()
}
