//! Nominators, takes and children of a group of validators, from text to numbers.

use mechanisms::reward::RewardSpec;
use schemars::JsonSchema;
use serde::Deserialize;
use sim_types::Share;

use super::raw::{Emission, Group, Scenario};
use super::resolve::Resolver;
use super::typed::join;
use crate::diagnose::{Code, Diagnostic, quoted};
use crate::plan::{self, Role};

/// Most children of one validator, as on the chain.
const MOST: usize = 5;
/// The greatest take, of a validator from nominators and of a child from parents.
const GREATEST: Share = Share::percent(18);

/// Others' stake behind validators, and their stake behind others.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Delegation {
    /// The part of each member's stake, in alpha and on the root, that belongs to nominators.
    /// Default 0%.
    pub(crate) nominated: Share,
    /// What a validator keeps of what its stake earns before its nominators share the rest with
    /// it; 0% to 18%. Default 18%, as on the chain.
    pub(crate) take: Share,
    /// What a validator keeps of what stake earns that others lend to it; 0% to 18%. Default 0%,
    /// as on the chain.
    pub(crate) childkey_take: Share,
    /// To whom the members lend stake: at most 5 groups. Default: nobody.
    pub(crate) children: Vec<Child>,
}

impl Default for Delegation {
    fn default() -> Self {
        Self {
            nominated: Share::ZERO,
            take: GREATEST,
            childkey_take: Share::ZERO,
            children: Vec::new(),
        }
    }
}

/// Stake lent to a group of validators, which validates with it and passes on what it earns.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Child {
    /// The group: the first member lends to its first, and so on, and round again.
    pub(crate) group: String,
    /// How much of each member's stake; more than 0%, and of all children together at most 100%.
    pub(crate) part: Share,
}

/// The plan of what a group says of delegation; `None` where it says nothing, or is wrong.
pub(super) fn resolve(
    raw: &Scenario,
    name: &str,
    group: &Group,
    r: &mut Resolver<'_>,
) -> Option<plan::Delegation> {
    let found = group.delegation.as_ref()?;
    let path = format!("population.{name}.delegation");
    if group.role == Role::Provider {
        let item = Diagnostic::error(
            Code::Incompatible,
            format!("{} is set for providers", quoted(&path)),
        )
        .expected("validators, whose stake earns dividends")
        .help("remove it, or make the group `role: validator`");
        r.error(&path, &[&format!("population.{name}.role")], item);
        return None;
    }
    let economy = matches!((&raw.emission, &raw.reward), (Emission::Dtao(_), RewardSpec::Yuma(_)));
    if !economy {
        let message = format!("{} needs stake that earns and grows", quoted(&path));
        let item = Diagnostic::error(Code::Incompatible, message)
            .expected("`reward: { yuma: {} }` under `emission: { dtao: … }`")
            .help("remove it, or give the scenario an economy");
        r.error(&path, &["emission", "reward"], item);
        return None;
    }
    for (key, take) in [("take", found.take), ("childkey_take", found.childkey_take)] {
        r.unless(take <= GREATEST, &join(&path, key), percent(take), "0% to 18%");
    }
    let children = join(&path, "children");
    let count = found.children.len();
    r.unless(count <= MOST, &children, format!("{count} groups"), "at most 5");
    let lent: u64 = found.children.iter().map(|child| u64::from(child.part.ppb())).sum();
    let together = format!("{}% together", lent / 10_000_000);
    r.unless(lent <= Share::ONE.ppb().into(), &children, together, "parts of at most 100%");
    let mut plan = plan::Delegation {
        nominated: found.nominated,
        take: of_65535(found.take),
        childkey_take: of_65535(found.childkey_take),
        children: Vec::new(),
    };
    for (index, child) in found.children.iter().enumerate() {
        let path = format!("{children}.{index}");
        r.unless(child.part > Share::ZERO, &join(&path, "part"), "0%", "more than 0%");
        plan.children.extend(lent_to(raw, name, child, &join(&path, "group"), r));
    }
    Some(plan)
}

/// The group that stake is lent to: other validators, that do not lend to these.
fn lent_to(
    raw: &Scenario,
    lender: &str,
    child: &Child,
    path: &str,
    r: &mut Resolver<'_>,
) -> Option<plan::Child> {
    let groups = &raw.population.0;
    let validators = || groups.iter().filter(|(_, group)| group.role == Role::Validator);
    let Some(at) = groups.iter().position(|(name, _)| *name == child.group) else {
        let known = validators().map(|(name, _)| name.as_str()).filter(|&name| name != lender);
        r.unknown(path, "group of validators", &child.group, known);
        return None;
    };
    let (name, group) = &groups[at];
    let lends_back = || {
        let children = group.delegation.iter().flat_map(|delegation| &delegation.children);
        children.into_iter().any(|back| back.group == lender)
    };
    let wrong = if group.role == Role::Provider {
        Some(format!("{} is a group of providers, which do not validate", quoted(name)))
    } else if name == lender {
        Some(format!("{} would lend to itself", quoted(name)))
    } else if lends_back() {
        Some(format!("{} and {} would lend to each other", quoted(lender), quoted(name)))
    } else {
        None
    };
    if let Some(message) = wrong {
        let item = Diagnostic::error(Code::Incompatible, message)
            .found(quoted(name))
            .expected("another group of validators, which does not lend to this one");
        r.error(path, &["population"], item);
        return None;
    }
    let part = u128::from(child.part.ppb()) * u128::from(u64::MAX);
    Some(plan::Child {
        group: u16::try_from(at).unwrap_or(u16::MAX),
        proportion: u64::try_from(part / u128::from(Share::ONE.ppb())).unwrap_or(u64::MAX),
    })
}

fn of_65535(share: Share) -> u16 {
    let part = u64::from(share.ppb()) * u64::from(u16::MAX) / u64::from(Share::ONE.ppb());
    u16::try_from(part).unwrap_or(u16::MAX)
}

fn percent(share: Share) -> String {
    format!("{}%", share.as_f64() * 100.0)
}

/// Who holds stake and what is taken is the scenario's own; the takes left out are the chain's.
pub(super) fn facts(raw: &Scenario, r: &Resolver<'_>) -> Vec<sim_types::Fact> {
    use sim_types::{Fact, Fidelity};
    const CHAIN: &str = "opentensor/subtensor runtime/src/lib.rs @14bc6f9f";
    let mut facts = Vec::new();
    for (name, _) in raw.population.0.iter().filter(|(_, group)| group.delegation.is_some()) {
        for (key, default) in
            [("nominated", None), ("take", Some("18%")), ("childkey_take", Some("0%"))]
        {
            let path = format!("population.{name}.delegation.{key}");
            let (id, stated) = r.tree.find(&path);
            facts.extend(match (stated, default) {
                (true, _) => Some(Fact::new(
                    path,
                    r.tree.show(id),
                    Fidelity::Assumed,
                    "chosen by the scenario",
                )),
                (false, Some(usual)) => Some(Fact::new(path, usual, Fidelity::Published, CHAIN)),
                (false, None) => None,
            });
        }
    }
    facts
}
