//! The sections there are.

use schemars::Schema;

use super::super::messages;
use super::super::schema::Shape;

/// One kind of section.
#[derive(Debug, Clone)]
pub struct SectionKind {
    /// Its name in the file.
    pub name: &'static str,
    /// Names that it goes by besides.
    pub others: &'static [&'static str],
    /// What may stand in it.
    pub schema: Schema,
    /// Whether each one can be left out, as those of devices can.
    pub can_be_left_out: bool,
}

/// All kinds of sections.
#[derive(Debug, Clone, Default)]
pub struct SectionKinds(pub Vec<SectionKind>);

impl SectionKinds {
    /// The kind of this name.
    pub fn find(&self, written: &str) -> Option<&SectionKind> {
        let is_it = |kind: &&SectionKind| {
            messages::is_same(written, kind.name)
                || kind.others.iter().any(|it| messages::is_same(written, it))
        };
        self.0.iter().find(is_it)
    }

    /// The kind of this name, or the one that was probably meant.
    pub fn meant(&self, written: &str) -> Option<&SectionKind> {
        self.find(written).or_else(|| {
            let names = self.0.iter().map(|kind| kind.name);
            self.find(messages::nearest(written, names)?)
        })
    }

    /// The one name of whatever a section is called.
    pub fn name<'n>(&self, written: &'n str) -> &'n str {
        self.find(written).map_or(written, |kind| kind.name)
    }
}

impl SectionKind {
    pub(super) fn shape(&self) -> Shape<'_> {
        Shape::new(self.schema.as_value())
    }
}
