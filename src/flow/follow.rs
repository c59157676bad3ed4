//! Tells the history which values are what, whenever devices come, go or are described anew.

use std::time::Duration;

use super::roles::ChosenRoles;
use super::settings::FlowSettings;
use crate::bridge::{Feed, News};
use crate::history::History;
use crate::model::Update;

/// Devices come in groups.
const GROUP: Duration = Duration::from_secs(1);

/// Tells `history` the roles of the devices that `feed` tells of, until the bridge ends.
pub async fn tell_roles(mut feed: Feed, settings: FlowSettings, history: History) {
    let mut told = None;
    loop {
        let roles = ChosenRoles::of(&feed.catch_up(), &settings);
        if told.as_ref() != Some(&roles) {
            history.set_roles(roles.for_history());
            told = Some(roles);
        }
        loop {
            match feed.next().await {
                None => return,
                Some(News::Missed | News::Update(Update::Device(_) | Update::Removed(_))) => break,
                Some(News::Update(Update::State(_))) => {}
            }
        }
        tokio::time::sleep(GROUP).await;
    }
}
