//! Journeys, and the names that travel through them.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Builder,
    template::{Feeds, OWN, Scope},
};
use crate::{
    document::NodeId,
    field::{At, Leaf},
    file::journey::{ExtractFile, JourneyFile, StepFile},
    parse::{measure::is_kind, quantity::Name},
    plan::{Journey, Step},
};

/// What a step keeps, by name, with whether it may be a list.
type Kept = BTreeMap<String, bool>;

impl Builder<'_> {
    pub(super) fn journeys(
        self,
        journeys: &At<Vec<At<JourneyFile>>>,
        feeds: &Feeds,
        login: Option<&At<StepFile>>,
    ) -> Option<Vec<Journey>> {
        let mut kept = Kept::new();
        if let Some(login) = login {
            self.keep(login, &mut kept);
            self.step_apart(login, feeds);
        }
        let files = journeys.value.as_ref()?;
        if files.is_empty() {
            self.refuse(journeys.node, "there is no journey", "`- name: search` with `steps:`");
            return None;
        }
        let names = files.iter().filter_map(|journey| Some(journey.value.as_ref()?.name));
        self.unique(names, "journey");
        self.names_apart(feeds, journeys);
        let built: Vec<Option<Journey>> =
            files.iter().map(|journey| self.journey(journey, feeds, &kept)).collect();
        let built: Vec<Journey> = built.into_iter().collect::<Option<_>>()?;
        if built.iter().all(|journey| journey.weight == 0) {
            self.wrong(journeys.node, "every journey has weight 0; nothing would be wanted");
        }
        Some(built)
    }

    fn journey(self, journey: &At<JourneyFile>, feeds: &Feeds, login: &Kept) -> Option<Journey> {
        let file = journey.value.as_ref()?;
        let name = self.get(file.name).map(|name| name.0);
        let weight = self.or(file.weight, 1);
        let files = file.steps.value.as_ref()?;
        if files.is_empty() {
            self.refuse(file.steps.node, "the journey has no step", "`- get: /path`");
            return None;
        }
        let mut kept = login.clone();
        let mut steps = Vec::with_capacity(files.len());
        for step in files {
            let own = name.as_deref().filter(|_| files.len() == 1);
            steps.push(self.one_of_journey(step, &kept, feeds, own));
            self.keep(step, &mut kept);
        }
        Some(Journey { name: name?, weight: weight?, steps: steps.into_iter().collect::<Option<_>>()? })
    }

    fn one_of_journey(
        self,
        step: &At<StepFile>,
        kept: &Kept,
        feeds: &Feeds,
        own_name: Option<&str>,
    ) -> Option<Step> {
        let file = step.value.as_ref()?;
        let item = file.fan_out.as_ref().map(|fan_out| {
            let named = fan_out.value.as_ref().and_then(|fan_out| self.text(fan_out.item.as_ref()?));
            named.unwrap_or("item").to_owned()
        });
        if let Some(fan_out) = file.fan_out.as_ref().and_then(|fan_out| fan_out.value.as_ref()) {
            self.fan_out_source(fan_out.over, kept);
        }
        let scope = Scope { login: false, item, kept: kept.keys().cloned().collect(), feeds };
        self.step(step, &scope, own_name)
    }

    /// Whether the list of a fan-out was extracted before.
    fn fan_out_source(self, over: Leaf<Name>, kept: &Kept) {
        let (Some(name), Some(node)) = (self.text(&over), over.node) else { return };
        match kept.get(name) {
            Some(true) => {}
            Some(false) => self.wrong(node, format!("`{name}` is a header's value, not a list")),
            None => {
                let known: Vec<&str> = kept.keys().map(String::as_str).collect();
                let mut problem = crate::document::Problem::new(
                    self.document.place(node).clone(),
                    format!("no earlier step extracts `{name}`"),
                );
                if !known.is_empty() {
                    problem = problem.accepted(crate::nearest::listed(known.iter().copied()));
                }
                self.problems.add(problem.suggestion(crate::nearest::nearest(name, known)));
            }
        }
    }

    /// Adds what a step extracts; from the file, so that a wrong step spoils no later one.
    fn keep(self, step: &At<StepFile>, kept: &mut Kept) {
        let extracts = step.value.as_ref().and_then(|file| file.extract.as_ref()?.value.as_ref());
        for (name, extract) in extracts.iter().flat_map(|extracts| &extracts.0) {
            if let Some(name) = self.text(name) {
                let may_be_list = !matches!(extract.value, Some(ExtractFile::Header(_)));
                kept.insert(name.to_owned(), may_be_list);
            }
        }
    }

    /// The names of all steps, and reports those that objectives could not tell apart.
    pub(super) fn step_names(self, journeys: &At<Vec<At<JourneyFile>>>) -> Vec<String> {
        let mut leaves: Vec<Leaf<Name>> = Vec::new();
        let mut names = Vec::new();
        for journey in journeys.value.iter().flatten().filter_map(|journey| journey.value.as_ref()) {
            let steps = journey.steps.value.as_deref().unwrap_or_default();
            for step in steps.iter().filter_map(|step| step.value.as_ref()) {
                let own = Some(journey.name).filter(|_| steps.len() == 1);
                let Some(leaf) = step.name.or(own) else { continue };
                names.extend(self.text(&leaf).map(str::to_owned));
                leaves.push(leaf);
            }
        }
        for leaf in &leaves {
            if let Some(name) = self.text(leaf).filter(|name| is_kind(name)) {
                self.wrong_leaf(leaf, format!("`{name}` is a word of the objectives and cannot name a step"));
            }
        }
        self.unique(leaves.into_iter(), "step");
        names
    }

    /// Reports names that occur twice.
    fn unique(self, leaves: impl Iterator<Item = Leaf<Name>>, what: &str) {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let leaves: Vec<Leaf<Name>> = leaves.collect();
        for leaf in &leaves {
            let Some(name) = leaf.node.and_then(|node| self.document.scalar(node)) else { continue };
            if !seen.insert(name) {
                self.wrong_leaf(leaf, format!("there are two {what}s named `{name}`"));
            }
        }
    }

    /// Reports extracted names and fan-out items that templates could not tell from something else.
    fn names_apart(self, feeds: &Feeds, journeys: &At<Vec<At<JourneyFile>>>) {
        let files = journeys.value.iter().flatten().filter_map(|journey| journey.value.as_ref());
        let steps = files.flat_map(|journey| journey.steps.value.iter().flatten());
        for step in steps {
            self.step_apart(step, feeds);
        }
    }

    fn step_apart(self, step: &At<StepFile>, feeds: &Feeds) {
        let Some(step) = &step.value else { return };
        let extracts = step.extract.as_ref().and_then(|extract| extract.value.as_ref());
        for (name, _) in extracts.iter().flat_map(|extracts| &extracts.0) {
            self.name_apart(name.node, feeds);
        }
        let item = step.fan_out.as_ref().and_then(|fan_out| fan_out.value.as_ref()?.item);
        self.name_apart(item.and_then(|item| item.node), feeds);
    }

    fn name_apart(self, node: Option<NodeId>, feeds: &Feeds) {
        let Some(node) = node else { return };
        let Some(name) = self.document.scalar(node) else { return };
        if OWN.contains(&name) {
            self.wrong(node, format!("`{name}` has a meaning of its own in templates"));
        } else if feeds.contains_key(name) {
            self.wrong(node, format!("`{name}` is the name of a feed already"));
        }
    }
}
