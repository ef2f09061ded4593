//! What a command says, whatever way it was written: two bodies that are read as the same command have the same canonical form.
//!
//! The order of members, white space, the form of a number and a member that only says its default make no difference, because the
//! form is made of the command as it was read. Members that are absent, false or empty are left out of it, so that a member with such
//! a default can be added to a verb later and what was sent before is still the same.
//!
//! INVARIANT: what is [`Personal`](crate::Personal) is in a part of its own. Of the open part, the personal data can say no more than
//! whether they were given.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};
use serde::{Deserialize, Serialize};
use serde_json::Error;

use crate::numbers::{PersonalNumber, personal_numbers};

/// What a newtype calls itself whose content is personal.
pub(crate) const PERSONAL: &str = "$dualgrid::Personal";

/// A command in its canonical form. Shows nothing when printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Canonical {
    /// Everything but personal data.
    pub open: Vec<u8>,
    /// The personal data, in the order of their places; empty where there are none.
    pub personal: Vec<u8>,
    /// Open texts that have a number which tells who somebody is.
    pub numbers: Vec<Numbered>,
}

/// An open text in which there is a telephone or an identity number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Numbered {
    /// Where it is, as a JSON pointer into the body.
    pub field: String,
    /// What it has.
    pub has: PersonalNumber,
}

impl Canonical {
    /// The canonical form of a command.
    ///
    /// # Panics
    /// Where the command cannot be written, which a coverage test shows for every verb.
    pub fn of(command: &impl Serialize) -> Self {
        let node = command.serialize(Tree).expect("a coverage test writes every example");
        let mut canonical = Self::default();
        canonical.write(&node);
        node.look(&mut String::new(), &mut canonical.numbers);
        canonical
    }

    fn write(&mut self, node: &Node) {
        match node {
            Node::Absent => self.open.push(b'0'),
            Node::Leaf(tag, bytes) => {
                self.open.push(*tag);
                self.bytes(bytes);
            }
            Node::Given(inner) => {
                self.open.push(b'?');
                self.write(inner);
            }
            Node::List(entries) => {
                self.count(b'[', entries.len());
                for entry in entries {
                    self.write(entry);
                }
            }
            Node::Members(members) => {
                let said = || members.iter().filter(|(_, member)| !member.is_default());
                self.count(b'{', said().count());
                for (name, member) in said() {
                    self.bytes(name.as_bytes());
                    self.write(member);
                }
            }
            Node::Entries(entries) => {
                self.count(b'm', entries.len());
                for (key, entry) in entries {
                    self.bytes(key);
                    self.write(entry);
                }
            }
            Node::Variant(name, inner) => {
                self.open.push(b'v');
                self.bytes(name.as_bytes());
                self.write(inner);
            }
            Node::Personal(inner) => {
                self.open.push(b'p');
                let mut part = Self::default();
                part.write(inner);
                self.personal.append(&mut part.open);
            }
        }
    }

    fn count(&mut self, tag: u8, count: usize) {
        self.open.push(tag);
        self.open.extend_from_slice(&(count as u64).to_be_bytes());
    }

    /// Bytes after their length, so that nothing runs together.
    fn bytes(&mut self, bytes: &[u8]) {
        self.open.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.open.extend_from_slice(bytes);
    }
}

impl fmt::Debug for Canonical {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canonical(..)")
    }
}

/// A value as serde tells it.
enum Node {
    Absent,
    Leaf(u8, Vec<u8>),
    Given(Box<Node>),
    List(Vec<Node>),
    Members(BTreeMap<&'static str, Node>),
    /// By key.
    Entries(BTreeMap<Vec<u8>, Node>),
    Variant(&'static str, Box<Node>),
    Personal(Box<Node>),
}

const NO: &[u8] = b"0";

impl Node {
    fn is_default(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Leaf(b'b', is) => is == NO,
            Self::List(entries) => entries.is_empty(),
            Self::Entries(entries) => entries.is_empty(),
            Self::Members(members) => members.values().all(Self::is_default),
            Self::Leaf(..) | Self::Given(_) | Self::Variant(..) | Self::Personal(_) => false,
        }
    }

    /// Finds the open texts in which there is a number that tells who somebody is.
    fn look(&self, place: &mut String, found: &mut Vec<Numbered>) {
        let mut within = |name: &dyn fmt::Display, node: &Self| {
            let here = place.len();
            let _ = fmt::Write::write_fmt(place, format_args!("/{name}"));
            node.look(place, found);
            place.truncate(here);
        };
        match self {
            Self::Leaf(b's', text) => {
                let kinds = std::str::from_utf8(text).map(personal_numbers).unwrap_or_default();
                found.extend(kinds.into_iter().map(|has| Numbered { field: place.clone(), has }));
            }
            Self::Given(inner) => inner.look(place, found),
            Self::List(entries) => entries.iter().enumerate().for_each(|(at, entry)| within(&at, entry)),
            Self::Members(members) => members.iter().for_each(|(name, member)| within(name, member)),
            Self::Entries(entries) => {
                for (key, entry) in entries {
                    within(&String::from_utf8_lossy(key), entry);
                }
            }
            Self::Variant(name, inner) => within(name, inner),
            Self::Absent | Self::Leaf(..) | Self::Personal(_) => {}
        }
    }

    fn text(text: &str) -> Self {
        Self::Leaf(b's', text.as_bytes().to_vec())
    }

    fn whole(number: i128) -> Self {
        Self::Leaf(b'i', number.to_be_bytes().to_vec())
    }

    /// A number is the same whether it was written with a fraction of nothing or without.
    fn number(number: f64) -> Self {
        /// Up to here, every whole number is itself.
        const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
        if number.fract() == 0.0 && number.abs() <= EXACT_MAX {
            #[expect(clippy::cast_possible_truncation, reason = "a whole number within ±2^53")]
            return Self::whole(number as i128);
        }
        Self::Leaf(b'f', number.to_bits().to_be_bytes().to_vec())
    }

    fn of_variant(self, variant: Option<&'static str>) -> Self {
        match variant {
            Some(variant) => Self::Variant(variant, Box::new(self)),
            None => self,
        }
    }
}

/// Writes a value as a tree.
struct Tree;

/// Entries in order.
struct List(Vec<Node>, Option<&'static str>);

/// Members by name.
struct Members(BTreeMap<&'static str, Node>, Option<&'static str>);

/// Entries by key.
#[derive(Default)]
struct Entries(BTreeMap<Vec<u8>, Node>, Vec<u8>);

macro_rules! whole_numbers {
    ($($method:ident: $of:ty,)*) => {
        $(fn $method(self, number: $of) -> Result<Node, Error> {
            Ok(Node::whole(number.into()))
        })*
    };
}

impl Serializer for Tree {
    type Ok = Node;
    type Error = Error;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Entries;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    whole_numbers! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
        serialize_i128: i128,
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
    }

    fn serialize_bool(self, is: bool) -> Result<Node, Error> {
        Ok(Node::Leaf(b'b', if is { b"1".to_vec() } else { NO.to_vec() }))
    }
    fn serialize_f32(self, number: f32) -> Result<Node, Error> {
        Ok(Node::number(number.into()))
    }
    fn serialize_f64(self, number: f64) -> Result<Node, Error> {
        Ok(Node::number(number))
    }
    fn serialize_char(self, one: char) -> Result<Node, Error> {
        Ok(Node::text(one.encode_utf8(&mut [0; 4])))
    }
    fn serialize_str(self, text: &str) -> Result<Node, Error> {
        Ok(Node::text(text))
    }
    fn serialize_bytes(self, bytes: &[u8]) -> Result<Node, Error> {
        Ok(Node::Leaf(b'y', bytes.to_vec()))
    }
    fn serialize_none(self) -> Result<Node, Error> {
        Ok(Node::Absent)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Node, Error> {
        Ok(Node::Given(Box::new(value.serialize(self)?)))
    }
    fn serialize_unit(self) -> Result<Node, Error> {
        Ok(Node::Absent)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Error> {
        Ok(Node::Absent)
    }
    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Node, Error> {
        Ok(Node::text(variant))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<Node, Error> {
        let inner = value.serialize(self)?;
        Ok(if name == PERSONAL { Node::Personal(Box::new(inner)) } else { inner })
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Node, Error> {
        Ok(value.serialize(self)?.of_variant(Some(variant)))
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<List, Error> {
        Ok(List(Vec::new(), None))
    }
    fn serialize_tuple(self, _: usize) -> Result<List, Error> {
        Ok(List(Vec::new(), None))
    }
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List, Error> {
        Ok(List(Vec::new(), None))
    }
    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<List, Error> {
        Ok(List(Vec::new(), Some(variant)))
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Entries, Error> {
        Ok(Entries::default())
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Members, Error> {
        Ok(Members(BTreeMap::new(), None))
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Members, Error> {
        Ok(Members(BTreeMap::new(), Some(variant)))
    }
}

macro_rules! lists {
    ($($of:ident: $method:ident,)*) => {
        $(impl $of for List {
            type Ok = Node;
            type Error = Error;
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
                self.0.push(value.serialize(Tree)?);
                Ok(())
            }
            fn end(self) -> Result<Node, Error> {
                Ok(Node::List(self.0).of_variant(self.1))
            }
        })*
    };
}

lists! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! structs {
    ($($of:ident,)*) => {
        $(impl $of for Members {
            type Ok = Node;
            type Error = Error;
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
                self.0.insert(name, value.serialize(Tree)?);
                Ok(())
            }
            fn end(self) -> Result<Node, Error> {
                Ok(Node::Members(self.0).of_variant(self.1))
            }
        })*
    };
}

structs! {
    SerializeStruct,
    SerializeStructVariant,
}

impl SerializeMap for Entries {
    type Ok = Node;
    type Error = Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.1 = Canonical::of(&key).open;
        Ok(())
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.0.insert(std::mem::take(&mut self.1), value.serialize(Tree)?);
        Ok(())
    }
    fn end(self) -> Result<Node, Error> {
        Ok(Node::Entries(self.0))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::Personal;

    #[derive(Debug, Serialize, Deserialize)]
    struct Said {
        count: f64,
        #[serde(default)]
        flag: bool,
        #[serde(default)]
        maybe: Option<bool>,
        #[serde(default)]
        list: Vec<Option<String>>,
        #[serde(default)]
        phone: Option<Personal<String>>,
        #[serde(default)]
        rest: BTreeMap<String, Value>,
    }

    fn canonical(body: &Value) -> Canonical {
        Canonical::of(&Said::deserialize(body).unwrap())
    }

    #[test]
    fn a_command_is_what_it_says_and_not_how() {
        let one = canonical(&json!({"count": 2, "rest": {"a": 1, "b": [2.5]}}));
        let spelled = json!({
            "rest": {"b": [2.5], "a": 1.0}, "flag": false, "maybe": null, "list": [], "phone": null, "count": 2.0,
        });
        assert_eq!(one, canonical(&spelled));
    }

    /// A verb got members since the command was sent for the first time.
    #[test]
    fn a_member_that_is_added_with_its_default_changes_nothing() {
        #[derive(Serialize)]
        struct Before {
            count: f64,
        }
        assert_eq!(Canonical::of(&Before { count: 2.0 }), canonical(&json!({"count": 2})));
    }

    #[test]
    fn whatever_differs_makes_another_command() {
        let bodies = [
            json!({"count": 2}),
            json!({"count": 3}),
            json!({"count": 2.5}),
            json!({"count": 2, "flag": true}),
            json!({"count": 2, "maybe": false}),
            json!({"count": 2, "maybe": true}),
            json!({"count": 2, "list": [null]}),
            json!({"count": 2, "list": [""]}),
            json!({"count": 2, "list": ["a", "b"]}),
            json!({"count": 2, "list": ["ab"]}),
            json!({"count": 2, "list": ["b", "a"]}),
            json!({"count": 2, "phone": ""}),
            json!({"count": 2, "phone": "13800000000"}),
            json!({"count": 2, "phone": "13800000001"}),
            json!({"count": 2, "rest": {"a": null}}),
            json!({"count": 2, "rest": {"a": "1"}}),
            json!({"count": 2, "rest": {"a": 1}}),
        ];
        for (number, one) in bodies.iter().enumerate() {
            for other in &bodies[..number] {
                assert_ne!(canonical(one), canonical(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn the_open_part_says_only_whether_personal_data_were_given() {
        let of = |phone| canonical(&json!({"count": 2, "phone": phone}));
        let (one, other) = (of("13800000000"), of("13800000001"));
        assert_eq!(one.open, other.open);
        assert_ne!(one.personal, other.personal);
        assert!(!one.open.windows(5).any(|part| part == b"13800"));
        assert_ne!(one.open, canonical(&json!({"count": 2})).open);
        assert_eq!(format!("{one:?}"), "Canonical(..)");
    }
}
