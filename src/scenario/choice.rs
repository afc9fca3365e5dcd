//! Values that may be written short or in full: a name or a mix of names, an amount or a
//! distribution, a behaviour or a mix of behaviours.

use core::fmt;
use core::marker::PhantomData;
use std::borrow::Cow;

use mechanisms::behaviour::Behaviour;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::{EnumAccessDeserializer, MapAccessDeserializer};
use serde::de::{
    Deserializer, EnumAccess, Error, IntoDeserializer, MapAccess, VariantAccess, Visitor,
};
use sim_types::Amount;

/// A mapping with names of one's own, in the order written.
#[derive(Debug, Clone)]
pub(crate) struct Ordered<T>(pub(crate) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Ordered<T> {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Ordered<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Ordered<T>, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = access.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Ordered(pairs))
            }
        }
        deserializer.deserialize_map(Pairs(PhantomData))
    }
}

impl<T: JsonSchema> JsonSchema for Ordered<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}ByName", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<T>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// One name, or several by parts: `tokyo`, `{ mix: { tokyo: 1, frankfurt: 3 } }`.
#[derive(Debug, Clone)]
pub(crate) enum Names {
    One(String),
    Mix(Vec<(String, u32)>),
}

/// The long form of a choice of names.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum NamesInFull {
    /// Names with their parts: a member is each with a probability in proportion to its part.
    Mix(Ordered<u32>),
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Names;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name, or `mix: { NAME: PARTS, … }`")
            }
            fn visit_str<E>(self, name: &str) -> Result<Names, E> {
                Ok(Names::One(name.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Names, A::Error> {
                let full = NamesInFull::deserialize(MapAccessDeserializer::new(access))?;
                let NamesInFull::Mix(parts) = full;
                Ok(Names::Mix(parts.0))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Names {
    fn schema_name() -> Cow<'static, str> {
        "Names".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let full = generator.subschema_for::<NamesInFull>();
        json_schema!({
            "description": "A name, or a mix of names by parts.",
            "anyOf": [{ "type": "string" }, full],
        })
    }
}

/// An amount, or a distribution of amounts: `500 TAO`,
/// `{ pareto: { min: 1000 TAO, shape: 1.16 } }`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Money {
    Fixed(Amount),
    Drawn(Distribution),
}

/// A distribution of amounts.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Distribution {
    /// Few hold most: `P(X > x) = (min / x)^shape`. A shape of 1.16 gives a fifth of the
    /// members four fifths of the whole.
    Pareto(Pareto),
    /// Every amount between two bounds alike.
    Uniform(Uniform),
    /// Many small ones and a long tail, by two quantiles.
    Lognormal(Lognormal),
}

/// A Pareto distribution.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pareto {
    /// The smallest amount, above 0.
    pub(crate) min: Amount,
    /// How steep it falls, above 0 and at most 100: the larger, the more equal.
    pub(crate) shape: f64,
    /// Larger draws count as this. Default 1,000,000 TAO.
    #[serde(default = "a_million")]
    pub(crate) max: Amount,
}

/// A uniform distribution.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Uniform {
    /// The smallest amount.
    pub(crate) min: Amount,
    /// The largest, at least `min`.
    pub(crate) max: Amount,
}

/// A lognormal distribution.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lognormal {
    /// Half of the members have less, above 0.
    pub(crate) median: Amount,
    /// Nine in ten have less, at least the median.
    pub(crate) p90: Amount,
    /// Larger draws count as this. Default 1,000,000 TAO.
    #[serde(default = "a_million")]
    pub(crate) max: Amount,
}

/// A million coins: beyond any single stake on a network of 21 million.
const fn a_million() -> Amount {
    Amount(1_000_000_000_000_000)
}

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Money;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount such as `500 TAO`, or a distribution of amounts")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Money, E> {
                text.parse().map(Money::Fixed).map_err(E::custom)
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Money, E> {
                self.visit_str(&number.to_string())
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Money, A::Error> {
                Distribution::deserialize(MapAccessDeserializer::new(access)).map(Money::Drawn)
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        "Money".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (fixed, drawn) =
            (generator.subschema_for::<Amount>(), generator.subschema_for::<Distribution>());
        json_schema!({
            "description": "An amount, or a distribution of amounts.",
            "anyOf": [fixed, drawn],
        })
    }
}

/// One behaviour, or several by parts.
#[derive(Debug, Clone)]
pub(crate) enum Behaviours {
    One(Behaviour),
    Mix(Vec<BehaviourPart>),
}

/// One part of a mix of behaviours.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BehaviourPart {
    /// How many parts of the mix behave so.
    pub(crate) parts: u32,
    /// How they behave.
    pub(crate) behaviour: Behaviour,
}

impl<'de> Deserialize<'de> for Behaviours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Behaviours;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a behaviour, or `mix: [ { parts: 1, behaviour: … }, … ]`")
            }
            fn visit_enum<A: EnumAccess<'de>>(self, access: A) -> Result<Behaviours, A::Error> {
                let (name, content) = access.variant::<String>()?;
                if name == "mix" {
                    return content.newtype_variant().map(Behaviours::Mix);
                }
                // A behaviour reads itself: the name handed back, and what follows it.
                let chosen = EnumAccessDeserializer::new(Named { name, content });
                Behaviour::deserialize(chosen).map(Behaviours::One)
            }
        }
        deserializer.deserialize_enum("Behaviours", &["honest", "mix"], Either)
    }
}

/// An alternative whose name was already read.
struct Named<A> {
    name: String,
    content: A,
}

impl<'de, A: VariantAccess<'de>> EnumAccess<'de> for Named<A> {
    type Error = A::Error;
    type Variant = A;

    fn variant_seed<V: serde::de::DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, A), A::Error> {
        seed.deserialize(self.name.into_deserializer()).map(|chosen| (chosen, self.content))
    }
}

/// The long form of a mix of behaviours, for the schema.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "describes what `Behaviours` reads")]
enum BehavioursInFull {
    /// Behaviours with their parts.
    Mix(Vec<BehaviourPart>),
}

impl JsonSchema for Behaviours {
    fn schema_name() -> Cow<'static, str> {
        "Behaviours".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<Behaviour>();
        let full = generator.subschema_for::<BehavioursInFull>();
        json_schema!({ "description": "A behaviour, or a mix by parts.", "anyOf": [one, full] })
    }
}
