//! The one-line registration of a rule.

use sim_types::{Fact, StateMachine};

/// What a rule adds to the bare state machine so that catalogue, laws and report know it.
pub trait Rule: StateMachine {
    /// Its key in a scenario.
    const NAME: &'static str;
    /// One sentence: what it does.
    const SUMMARY: &'static str;
    /// Where it comes from: paper and section, or repository, path and commit.
    const SOURCE: &'static str;

    /// The smallest valid parameters: the stage's laws run on them.
    fn example() -> Self::Params;

    /// Numbers from the world that these parameters or the rule itself carry.
    fn facts(params: &Self::Params) -> Vec<Fact>;
}

/// A rule's entry in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its stage: `market`, `reward`, …
    pub stage: &'static str,
    /// Its key in a scenario.
    pub name: &'static str,
    /// One sentence: what it does.
    pub summary: &'static str,
    /// Where it comes from.
    pub source: &'static str,
}

/// Declares the rules of one stage. Each line `module::Type` is the whole registration of a
/// rule: the YAML key is the snake-case form of the type's name.
///
/// Makes two enums: the specification (what a scenario says, with schema) and the rule
/// (dispatched by `match`, no boxes), which is itself a [`sim_types::StateMachine`].
#[macro_export]
macro_rules! stage {
    ($(#[$spec_doc:meta])* $stage:literal: $spec:ident => $rule:ident {
        $($(#[$doc:meta])* $module:ident :: $ty:ident,)*
    }) => {
        $(#[$spec_doc])*
        #[derive(
            Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum $spec { $($(#[$doc])* $ty($module::Params),)* }

        /// A rule of this stage, chosen by its specification.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[allow(clippy::large_enum_variant, reason = "a handful of instances, kept in place")]
        pub enum $rule { $($(#[$doc])* $ty($module::$ty),)* }

        impl $spec {
            /// The rules of this stage, in the order of registration.
            #[must_use]
            pub fn catalogue() -> Vec<$crate::RuleInfo> {
                vec![$($crate::RuleInfo {
                    stage: $stage,
                    name: <$module::$ty as $crate::Rule>::NAME,
                    summary: <$module::$ty as $crate::Rule>::SUMMARY,
                    source: <$module::$ty as $crate::Rule>::SOURCE,
                },)*]
            }

            /// Every rule with its smallest valid parameters.
            #[must_use]
            pub fn examples() -> Vec<Self> {
                vec![$(Self::$ty(<$module::$ty as $crate::Rule>::example()),)*]
            }

            /// The key of the chosen rule.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$ty(_) => <$module::$ty as $crate::Rule>::NAME,)* }
            }

            /// Numbers from the world that the chosen rule carries.
            #[must_use]
            pub fn facts(&self) -> Vec<sim_types::Fact> {
                match self { $(Self::$ty(p) => <$module::$ty as $crate::Rule>::facts(p),)* }
            }
        }

        impl sim_types::StateMachine for $rule {
            type Params = $spec;
            type Input = Input;
            type Effect = Effect;

            fn new(spec: $spec) -> Result<Self, sim_types::ParamError> {
                Ok(match spec {
                    $($spec::$ty(p) => Self::$ty(<$module::$ty as sim_types::StateMachine>::new(p)?),)*
                })
            }

            fn apply(
                &mut self, input: Input, out: &mut Vec<Effect>,
            ) -> Result<(), sim_types::Rejected> {
                match self { $(Self::$ty(rule) => rule.apply(input, out),)* }
            }
        }
    };
}
