//! Which processes a profile is made of, and who needs whom: data only. Whoever starts them decides
//! on addresses.

use crate::profile::Profile;

/// One process of the target.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RoleSpec {
    /// Its name in the edge table: `service-0`.
    pub name: String,
    /// What it runs: `service`.
    pub role: &'static str,
    /// The names it has edges to, which must be ready before it starts.
    pub depends_on: Vec<String>,
}

/// The processes of `profile`, each after those it depends on.
pub fn topology(profile: &Profile) -> Vec<RoleSpec> {
    let alone_as = |name: &str, role| RoleSpec { name: name.to_owned(), role, depends_on: Vec::new() };
    let alone = |role: &'static str| alone_as(role, role);
    let stores = ["redis", "sql", "llm"];
    let mut roles: Vec<RoleSpec> = stores.into_iter().map(alone).collect();
    let replicas = profile.service.mitigations.read_replicas.roles();
    let following = |name: &String| RoleSpec { depends_on: vec!["sql".to_owned()], ..alone_as(name, "sql") };
    roles.extend(replicas.iter().map(following));
    let services: Vec<String> = (0..profile.service.instances).map(|n| format!("service-{n}")).collect();
    roles.extend(services.iter().map(|name| RoleSpec {
        name: name.clone(),
        role: "service",
        depends_on: stores.iter().copied().map(str::to_owned).chain(replicas.iter().cloned()).collect(),
    }));
    roles.push(RoleSpec { name: "gateway-0".to_owned(), role: "gateway", depends_on: services });
    roles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_process_comes_after_those_it_depends_on() {
        let mut profile = Profile::named("baseline").expect("it is shipped");
        profile.service.instances = 2;
        let names = |profile: &Profile| -> Vec<String> {
            topology(profile).into_iter().map(|role| role.name).collect()
        };
        assert_eq!(names(&profile), ["redis", "sql", "llm", "service-0", "service-1", "gateway-0"]);
        profile.service.mitigations.read_replicas.enabled = true;
        assert_eq!(
            names(&profile),
            ["redis", "sql", "llm", "sql-replica-0", "service-0", "service-1", "gateway-0"]
        );
        let (roles, names) = (topology(&profile), names(&profile));
        for (n, role) in roles.iter().enumerate() {
            assert!(role.depends_on.iter().all(|name| names[..n].contains(name)), "{role:?}");
        }
    }
}
