//! A [`Tree`] as a serde deserialiser whose errors know where they are.
//!
//! serde stops at the first mistake. [`super::typed`] notes it, neutralises the place (an
//! unknown key is removed, a missing one added, anything else becomes a
//! [`Value::StandIn`]) and reads again, until everything reads.

use core::fmt::{self, Display};

use serde::de::{
    self, DeserializeSeed, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::tree::{NodeId, Tree, Value};
use crate::diagnose::{list, quoted};

/// Where something went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this node.
    Node(NodeId),
    /// At this key of a mapping.
    Key(NodeId, usize),
}

/// What went wrong.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Fault {
    /// In the words of the type.
    Said(String),
    /// Something of the wrong kind.
    Mismatch { found: Option<String>, expected: String },
    /// A key that does not exist here.
    UnknownKey { key: String, known: Vec<&'static str> },
    /// A name out of a closed list.
    UnknownVariant { name: String, known: Vec<&'static str> },
    /// A key that must be there.
    Missing(&'static str),
    /// A choice written with no key or with several.
    OneKey { known: Vec<&'static str> },
    /// A stand-in was asked for these fields: give it that shape.
    Shape(Vec<&'static str>),
}

/// A mistake and its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    pub(crate) fault: Fault,
    pub(crate) place: Option<Place>,
}

impl Failure {
    fn new(fault: Fault) -> Self {
        Self { fault, place: None }
    }

    /// Keeps the innermost place.
    fn at(mut self, place: Place) -> Self {
        self.place.get_or_insert(place);
        self
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl core::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Fault::Said(message.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Fault::Mismatch { found: None, expected: expected.to_string() })
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Fault::Mismatch { found: None, expected: expected.to_string() })
    }

    fn invalid_length(len: usize, expected: &dyn Expected) -> Self {
        let found = Some(format!("{len} items"));
        Self::new(Fault::Mismatch { found, expected: expected.to_string() })
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownKey { key: field.to_owned(), known: known.to_vec() })
    }

    fn unknown_variant(name: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::UnknownVariant { name: name.to_owned(), known: known.to_vec() })
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Fault::Missing(field))
    }
}

/// What stands at a node, for a message.
pub(crate) fn describe(tree: &Tree, id: NodeId) -> String {
    match tree.value(id) {
        Value::Null => "nothing".to_owned(),
        Value::Bool(b) => format!("`{b}`"),
        Value::Text(text) if text.is_empty() => "an empty text".to_owned(),
        Value::Number(text) | Value::Text(text) => quoted(text),
        Value::Sequence(_) => "a list".to_owned(),
        Value::Mapping(entries) if entries.is_empty() => "an empty mapping".to_owned(),
        Value::Mapping(entries) => {
            format!("a mapping with {}", list(entries.iter().take(6).map(|e| e.key.as_str())))
        }
        Value::StandIn(_) => "a mistake".to_owned(),
    }
}

/// Reads one node.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'t> {
    tree: &'t Tree,
    id: NodeId,
}

/// How often a stand-in may fail before its parent becomes one.
pub(crate) const STAND_INS: u8 = 10;

impl<'t> Reader<'t> {
    pub(crate) fn new(tree: &'t Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    fn value(self) -> &'t Value {
        self.tree.value(self.id)
    }

    fn mismatch(self, expected: impl Into<String>) -> Failure {
        let found = Some(describe(self.tree, self.id));
        Failure::new(Fault::Mismatch { found, expected: expected.into() }).at(Place::Node(self.id))
    }

    fn here<T>(self, result: Result<T, Failure>) -> Result<T, Failure> {
        result.map_err(|failure| failure.at(Place::Node(self.id)))
    }

    /// A whole number between two bounds.
    fn whole<T: TryFrom<i128>>(self, min: i128, max: i128) -> Result<T, Failure> {
        let expected = || {
            if max == i128::from(u64::MAX) || max == i128::MAX {
                format!("a whole number, {min} or more")
            } else {
                format!("a whole number from {min} to {max}")
            }
        };
        let number = match self.value() {
            Value::StandIn(_) => 1.clamp(min, max),
            Value::Number(text) => text
                .replace('_', "")
                .parse::<i128>()
                .ok()
                .filter(|n| (min..=max).contains(n))
                .ok_or_else(|| self.mismatch(expected()))?,
            _ => return Err(self.mismatch(expected())),
        };
        T::try_from(number).map_err(|_| self.mismatch(expected()))
    }

    /// The pieces of text that stand in for an unknown kind of value, one after the other.
    fn stand_in<'de, V: Visitor<'de>>(attempt: u8, visitor: V) -> Result<V::Value, Failure> {
        match attempt {
            0 => visitor.visit_str("1s"),
            1 => visitor.visit_str("1%"),
            2 => visitor.visit_str("1 TAO"),
            3 => visitor.visit_str("1B"),
            4 => visitor.visit_str("1Mbit"),
            5 => visitor.visit_str("1 USD"),
            6 => visitor.visit_u64(1),
            7 => visitor.visit_str("x"),
            8 => visitor.visit_seq(de::value::SeqDeserializer::new(core::iter::empty::<u8>())),
            _ => {
                visitor.visit_map(de::value::MapDeserializer::new(core::iter::empty::<(u8, u8)>()))
            }
        }
    }

    fn sequence<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Sequence(items) => {
                let mut access = Items { tree: self.tree, items };
                let value = self.here(visitor.visit_seq(&mut access))?;
                if access.items.is_empty() {
                    Ok(value)
                } else {
                    let expected = format!("{} items", items.len() - access.items.len());
                    Err(self.mismatch(expected))
                }
            }
            Value::StandIn(_) => {
                visitor.visit_seq(de::value::SeqDeserializer::new(core::iter::empty::<u8>()))
            }
            _ => Err(self.mismatch("a list")),
        }
    }

    fn mapping<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Mapping(entries) => {
                let mut access = Pairs { tree: self.tree, id: self.id, next: 0 };
                let value = self.here(visitor.visit_map(&mut access))?;
                if access.next < entries.len() {
                    // The visitor took one key and left the others: a choice.
                    return Err(Failure::new(Fault::OneKey { known: Vec::new() })
                        .at(Place::Key(self.id, access.next)));
                }
                Ok(value)
            }
            Value::StandIn(_) => {
                visitor.visit_map(de::value::MapDeserializer::new(core::iter::empty::<(u8, u8)>()))
            }
            _ => Err(self.mismatch("a mapping")),
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $ty:ty, $min:expr, $max:expr;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let number: $ty = self.whole($min, $max)?;
            self.here(visitor.$visit(number))
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'_> {
    type Error = Failure;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Null => self.here(visitor.visit_unit()),
            Value::Bool(b) => self.here(visitor.visit_bool(*b)),
            Value::Number(text) => {
                let plain = text.replace('_', "");
                self.here(if let Ok(n) = plain.parse::<u64>() {
                    visitor.visit_u64(n)
                } else if let Ok(n) = plain.parse::<i64>() {
                    visitor.visit_i64(n)
                } else if let Ok(n) = plain.parse::<f64>() {
                    visitor.visit_f64(n)
                } else {
                    visitor.visit_str(text)
                })
            }
            Value::Text(text) => self.here(visitor.visit_str(text)),
            Value::Sequence(_) => self.sequence(visitor),
            Value::Mapping(_) => self.mapping(visitor),
            Value::StandIn(attempt) => self.here(Self::stand_in(*attempt, visitor)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Bool(b) => self.here(visitor.visit_bool(*b)),
            Value::StandIn(_) => visitor.visit_bool(false),
            _ => Err(self.mismatch("`true` or `false`")),
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8, i8::MIN.into(), i8::MAX.into();
        deserialize_i16 visit_i16 i16, i16::MIN.into(), i16::MAX.into();
        deserialize_i32 visit_i32 i32, i32::MIN.into(), i32::MAX.into();
        deserialize_i64 visit_i64 i64, i64::MIN.into(), i64::MAX.into();
        deserialize_u8 visit_u8 u8, 0, u8::MAX.into();
        deserialize_u16 visit_u16 u16, 0, u16::MAX.into();
        deserialize_u32 visit_u32 u32, 0, u32::MAX.into();
        deserialize_u64 visit_u64 u64, 0, u64::MAX.into();
        deserialize_u128 visit_u128 u128, 0, i128::MAX;
        deserialize_i128 visit_i128 i128, i128::MIN, i128::MAX;
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let number = match self.value() {
            Value::Number(text) => text.replace('_', "").parse::<f64>().ok(),
            Value::StandIn(_) => Some(1.0),
            _ => None,
        };
        let number = number.filter(|n| n.is_finite()).ok_or_else(|| self.mismatch("a number"))?;
        self.here(visitor.visit_f64(number))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            // A title may be a year: it is kept as written.
            Value::Text(text) | Value::Number(text) => self.here(visitor.visit_str(text)),
            Value::StandIn(_) => visitor.visit_str("x"),
            _ => Err(self.mismatch("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Null | Value::StandIn(_) => visitor.visit_none(),
            _ => self.here(visitor.visit_some(self)),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value() {
            Value::Null | Value::StandIn(_) => visitor.visit_unit(),
            _ => Err(self.mismatch("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.here(visitor.visit_newtype_struct(self))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.sequence(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.sequence(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.sequence(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.mapping(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        match self.value() {
            Value::StandIn(_) => {
                Err(Failure::new(Fault::Shape(fields.to_vec())).at(Place::Node(self.id)))
            }
            Value::Mapping(_) => self.mapping(visitor),
            _ if fields.is_empty() => Err(self.mismatch("an empty mapping, `{}`")),
            _ => Err(self.mismatch(format!("a mapping with {}", list(fields.iter().copied())))),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let one_key = || Failure::new(Fault::OneKey { known: variants.to_vec() });
        match self.value() {
            Value::Text(name) => self.here(visitor.visit_enum(Chosen {
                reader: self,
                name,
                key: Place::Node(self.id),
                content: None,
            })),
            Value::Mapping(entries) => match entries.as_slice() {
                [only] => self.here(visitor.visit_enum(Chosen {
                    reader: self,
                    name: &only.key,
                    key: Place::Key(self.id, 0),
                    content: Some(only.value),
                })),
                [] => Err(one_key().at(Place::Node(self.id))),
                _ => Err(one_key().at(Place::Key(self.id, 1))),
            },
            Value::StandIn(_) => {
                let first = variants.first().copied().into_iter().collect();
                Err(Failure::new(Fault::Shape(first)).at(Place::Node(self.id)))
            }
            _ => {
                let names = list(variants.iter().copied());
                Err(self.mismatch(format!("a mapping with one key out of {names}")))
            }
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { bytes byte_buf }
}

/// The items of a list.
struct Items<'t> {
    tree: &'t Tree,
    items: &'t [NodeId],
}

impl<'de> SeqAccess<'de> for &mut Items<'_> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Failure> {
        let Some((&first, rest)) = self.items.split_first() else { return Ok(None) };
        self.items = rest;
        seed.deserialize(Reader::new(self.tree, first)).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The keys and values of a mapping.
struct Pairs<'t> {
    tree: &'t Tree,
    id: NodeId,
    next: usize,
}

impl<'de> MapAccess<'de> for &mut Pairs<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Failure> {
        let Some(entry) = self.tree.entries(self.id).get(self.next) else { return Ok(None) };
        self.next += 1;
        seed.deserialize(entry.key.as_str().into_deserializer())
            .map(Some)
            .map_err(|failure: Failure| failure.at(Place::Key(self.id, self.next - 1)))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let place = Place::Node(self.id);
        let entry = self.next.checked_sub(1).and_then(|i| self.tree.entries(self.id).get(i));
        let entry = entry
            .ok_or_else(|| Failure::new(Fault::Said("a value without a key".into())).at(place))?;
        seed.deserialize(Reader::new(self.tree, entry.value))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.tree.entries(self.id).len() - self.next)
    }
}

/// One alternative out of several: a name, or a name with content.
struct Chosen<'t> {
    reader: Reader<'t>,
    name: &'t str,
    key: Place,
    content: Option<NodeId>,
}

impl<'de, 't> EnumAccess<'de> for Chosen<'t> {
    type Error = Failure;
    type Variant = Inside<'t>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Inside<'t>), Failure> {
        let chosen = seed
            .deserialize(self.name.into_deserializer())
            .map_err(|failure: Failure| failure.at(self.key))?;
        Ok((chosen, Inside { reader: self.reader, name: self.name, content: self.content }))
    }
}

/// What an alternative holds.
struct Inside<'t> {
    reader: Reader<'t>,
    name: &'t str,
    content: Option<NodeId>,
}

impl<'t> Inside<'t> {
    fn content(&self) -> Result<Reader<'t>, Failure> {
        match self.content {
            Some(id) => Ok(Reader::new(self.reader.tree, id)),
            None => Err(self.reader.mismatch(format!("`{}: {{…}}`", self.name))),
        }
    }
}

impl<'de> VariantAccess<'de> for Inside<'_> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        match self.content {
            None => Ok(()),
            Some(id) if matches!(self.reader.tree.value(id), Value::StandIn(_)) => Ok(()),
            Some(_) => Err(self.reader.mismatch(format!("`{}` alone", self.name))),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Failure> {
        self.content()?.sequence(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        de::Deserializer::deserialize_struct(self.content()?, "", fields, visitor)
    }
}
