//! The macros that declare what a model may hold.

use super::diagnostic::{Diagnostic, nearest};
use super::node::{Node, Value};
use super::spec::{Reader, in_a_row};

/// Declares a map with fields: the struct, its reader and its shape.
///
/// ```text
/// spec! {
///     /// What it is.
///     pub struct Queue, short("capacity") {
///         /// What the field means.
///         capacity: Count = optional.range(0, 1_000_000).live();
///         /// A default is written as a user would write it.
///         order: Order = default("fifo");
///     }
/// }
/// ```
/// A field is `required`, `optional`, `default(value)` or `flatten`; methods of [`Field`](crate::model::spec::Field) may follow. `short(field)`:
/// a bare value stands for a map with that field. `component(type)`: it is a component. The struct has a field `at`
/// besides: where it was written. `about` (last) says what it imitates.
#[macro_export]
macro_rules! spec {
    (
        $(#[doc = $doc:literal])+
        pub struct $name:ident $(, short($short:literal))? $(, component($component:literal))? {
            $(
                $(#[doc = $field_doc:literal])+
                $field:ident : $type:ty = $presence:ident $(($default:expr))? $(. $flag:ident ( $($argument:expr),* ))* ;
            )*
            $(about $about:expr;)?
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            /// Where it was written.
            pub at: $crate::model::spec::Place,
            $( $(#[doc = $field_doc])+ pub $field: $crate::spec_type!($presence, $type), )*
        }

        $(impl $name {
            /// Its `type`.
            pub const TYPE: &'static str = $component;
        })?

        impl $crate::model::spec::Spec for $name {
            fn structure() -> $crate::model::spec::Structure {
                #[allow(unused_mut, unused_assignments)]
                let mut short = None;
                $( short = Some($short); )?
                #[allow(unused_mut, unused_assignments)]
                let mut component = None;
                $( component = Some($component); )?
                #[allow(unused_mut, unused_assignments)]
                let mut about = None;
                $( about = Some($about); )?
                $crate::model::spec::Structure {
                    name: stringify!($name),
                    doc: concat!($($doc, "\n"),+).lines().map(str::trim).collect::<Vec<_>>().join(" ").trim().to_string(),
                    fields: vec![$(
                        $crate::model::spec::Field::new::<$type>(
                            stringify!($field),
                            concat!($($field_doc),+),
                            $crate::spec_presence!($presence $(($default))?),
                        )
                        $(. $flag ( $($argument),* ))*
                    ),*],
                    short,
                    component,
                    about,
                }
            }

            fn read_fields(
                node: &$crate::model::node::Node,
                reader: &mut $crate::model::spec::Reader,
            ) -> Option<Self> {
                let structure = <Self as $crate::model::spec::Spec>::structure();
                let mut fields = structure.fields.iter();
                $(
                    let field = fields.next().expect("one for each field of the declaration");
                    let $field = $crate::spec_read!($presence, $type, field, node, reader);
                )*
                Some(Self { at: $crate::model::spec::Place::of(node), $($field: $field?),* })
            }
        }

        impl $crate::model::spec::Read for $name {
            fn read(node: &$crate::model::node::Node, reader: &mut $crate::model::spec::Reader) -> Option<Self> {
                $crate::model::spec::read_struct(node, reader)
            }

            fn shape() -> $crate::model::spec::Shape {
                $crate::model::spec::Shape::Struct(<Self as $crate::model::spec::Spec>::structure)
            }
        }
    };
}

/// The type of a declared field's place in the struct.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_type {
    (optional, $type:ty) => { Option<$type> };
    ($presence:ident, $type:ty) => { $type };
}

/// Whether a declared field may be left out.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_presence {
    (required) => {
        $crate::model::spec::Presence::Required
    };
    (optional) => {
        $crate::model::spec::Presence::Optional
    };
    (flatten) => {
        $crate::model::spec::Presence::Flatten
    };
    (default($value:expr)) => {
        $crate::model::spec::Presence::Default($crate::model::node::Value::from($value))
    };
}

/// How a declared field is read.
#[doc(hidden)]
#[macro_export]
macro_rules! spec_read {
    (required, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_required::<$type>($field, $node, $reader)
    };
    (optional, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_optional::<$type>($field, $node, $reader)
    };
    (default, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_default::<$type>($field, $node, $reader)
    };
    (flatten, $type:ty, $field:expr, $node:expr, $reader:expr) => {
        $crate::model::spec::read_flatten::<$type>($field, $node, $reader)
    };
}

/// Declares a choice of kebab-case words: the enum, its reader and its shape.
#[macro_export]
macro_rules! choices {
    (
        $(#[doc = $doc:literal])+
        pub enum $name:ident {
            $( $(#[doc = $word_doc:literal])+ $variant:ident = $word:literal $(| $alias:literal)* ; )*
        }
    ) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $( $(#[doc = $word_doc])+ $variant, )*
        }

        impl $name {
            /// All of them, in the order of the declaration.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// As it is written in a model.
            pub fn word(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )*
                }
            }
        }

        impl $crate::model::spec::Read for $name {
            fn read(node: &$crate::model::node::Node, reader: &mut $crate::model::spec::Reader) -> Option<Self> {
                match $crate::model::spec::read_word(node, reader, &[$($word),*])?.as_str() {
                    $( $word $(| $alias)* => Some(Self::$variant), )*
                    other => $crate::model::spec::wrong_word(node, reader, other, &[$($word),*]),
                }
            }

            fn shape() -> $crate::model::spec::Shape {
                $crate::model::spec::Shape::Choice(vec![
                    $( $crate::model::spec::Choice { word: $word, doc: concat!($($word_doc),+).trim_ascii() } ),*
                ])
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str(self.word())
            }
        }
    };
}

/// The word at a node.
pub fn read_word(node: &Node, reader: &mut Reader, words: &[&str]) -> Option<String> {
    match &node.value {
        Value::String(text) => Some(text.trim().to_string()),
        Value::Number(number) => Some(number.text.clone()),
        Value::Map(_) | Value::Null | Value::Bool(_) | Value::List(_) => {
            reader.unexpected(node, in_a_row(words.iter().copied()))
        }
    }
}

/// Reports a word that is none of the choice.
pub fn wrong_word<T>(node: &Node, reader: &mut Reader, found: &str, words: &[&str]) -> Option<T> {
    let help = nearest(found, words.iter().copied()).map_or(String::new(), |word| format!("did you mean {word}?"));
    let expected = in_a_row(words.iter().copied());
    reader.diagnostics.push(
        Diagnostic::error(&node.path, node.line, format!("found {}", node.describe())).expected(expected).help(help),
    );
    None
}
