//! Steps: what a handler does for a request.

use super::link::{Link, link_field_names};
use super::node::{EMPTY_LIST, Node, Value};
use super::spec::{Choice, Read, Reader, Referent, Shape, Spec, in_a_row};
use super::value::{Count, Factor, Name, Share, SizeDistribution, TimeDistribution};
use crate::{choices, spec};

/// Steps, one after the other.
pub type Steps = Vec<Step>;

/// One thing that a handler does.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Work on a core.
    Cpu(CpuStep),
    /// Time that passes off the cores.
    Delay(DelayStep),
    /// A call of another component.
    Call(Box<CallStep>),
    /// A message for a queue.
    Publish(Box<PublishStep>),
    /// A look-up in a cache, with steps for a hit and for a miss.
    Cached(Box<CachedStep>),
    /// Steps while a connection, permit or lock is held.
    Hold(Box<HoldStep>),
    /// Several lists of steps at once.
    Parallel(ParallelStep),
    /// One of several lists of steps, by weight.
    Choose(ChooseStep),
    /// An end with an error, for a share of the requests.
    Fail(FailStep),
}

spec! {
    /// Work on a core.
    pub struct CpuStep {
        /// How much, on a core of speed 1.
        cpu: TimeDistribution = required;
    }
}

spec! {
    /// Time that passes off the cores: a sleep, a device, something that is not modelled.
    pub struct DelayStep {
        /// How long.
        delay: TimeDistribution = required;
    }
}

spec! {
    /// A call of another component.
    pub struct CallStep {
        /// Whom to call, and how.
        link: Link = required.named("call");
        /// How often, one after the other.
        times: Count = default(1).range(1, 1_000_000);
        /// Which operation of the callee; left out, `read` or `write` as the class says.
        op: Name = optional;
        /// What it asks for.
        key: Key = default("request").refers(Referent::Keyspace);
        /// How much it carries; left out, what the class carries.
        size: SizeDistribution = optional;
        /// Another class for the callee.
        class: Name = optional.named("as").refers(Referent::Class);
    }
}

spec! {
    /// A message for a queue: done as soon as the queue has accepted it.
    pub struct PublishStep {
        /// The queue, and how it is reached.
        link: Link = required.named("publish");
        /// How many messages, one after the other.
        times: Count = default(1).range(1, 1_000_000);
        /// What it is about.
        key: Key = default("request").refers(Referent::Keyspace);
        /// How much it carries; left out, what the class carries.
        size: SizeDistribution = optional;
        /// Another class for the consumer.
        class: Name = optional.named("as").refers(Referent::Class);
    }
}

spec! {
    /// A look-up in a cache: on a miss the steps here are run, and what they bring is filled in.
    pub struct CachedStep {
        /// The cache, and how it is called.
        link: Link = required.named("cached");
        /// What it asks for.
        key: Key = default("request").refers(Referent::Keyspace);
        /// What is done on a miss.
        miss: Steps = default(EMPTY_LIST);
        /// What is done on a hit.
        hit: Steps = default(EMPTY_LIST);
        /// Whether it waits for a load of the same key that is in flight; left out, as the cache says.
        coalesce: bool = optional;
    }
}

spec! {
    /// Steps while one connection, permit or lock is held: a transaction.
    pub struct HoldStep {
        /// The pool.
        pool: Name = required.named("hold").refers(Referent::ConnectionPool);
        /// What is done while it is held.
        steps: Steps = required.named("do");
    }
}

spec! {
    /// Several lists of steps at once.
    pub struct ParallelStep {
        /// The lists.
        branches: Vec<Steps> = required.named("parallel");
        /// How many of them must have ended well; left out, all.
        need: Count = optional.range(1, 1_000_000);
    }
}

spec! {
    /// One of several lists of steps.
    pub struct ChooseStep {
        /// The lists and their weights.
        branches: Vec<Branch> = required.named("choose");
    }
}

spec! {
    /// Steps that are chosen by weight.
    pub struct Branch {
        /// How often, against the others.
        weight: Factor = default(1);
        /// What is done.
        steps: Steps = default(EMPTY_LIST).named("do");
    }
}

spec! {
    /// An end with an error.
    pub struct FailStep {
        /// The share of the requests that end here.
        share: Share = default(1).named("fail");
        /// How they end.
        outcome: FailAs = default("failed").named("as");
    }
}

choices! {
    /// How a request ends that fails.
    pub enum FailAs {
        /// The application failed (500).
        Failed = "failed";
        /// The application said no (4xx).
        Denied = "denied";
    }
}

/// Whose key a call asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Key {
    /// The request's own.
    Request,
    /// The client: one key for each.
    Client,
    /// One of a keyspace, drawn afresh each time.
    Keyspace(Name),
}

impl Read for Key {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let name = Name::read(node, reader)?;
        Some(match name.as_str() {
            "request" => Self::Request,
            "client" => Self::Client,
            _ => Self::Keyspace(name),
        })
    }

    fn shape() -> Shape {
        let choice = |word, doc| Choice { word, doc };
        Shape::Any(vec![
            Shape::Choice(vec![choice("request", "the request's own"), choice("client", "one for each client")]),
            Shape::Name("a keyspace: drawn afresh each time"),
        ])
    }

    fn names(&self) -> Vec<&Name> {
        match self {
            Self::Request | Self::Client => Vec::new(),
            Self::Keyspace(name) => vec![name],
        }
    }
}

/// The words that make a step what it is.
pub const STEP_WORDS: [&str; 9] = ["cpu", "delay", "call", "publish", "cached", "hold", "parallel", "choose", "fail"];

impl Read for Step {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            return reader.unexpected(node, "a step, as { \"cpu\": \"2ms\" } or { \"call\": \"db\" }");
        };
        let words: Vec<&str> = STEP_WORDS.into_iter().filter(|word| node.get(word).is_some()).collect();
        match words.as_slice() {
            ["cpu"] => CpuStep::read(node, reader).map(Self::Cpu),
            ["delay"] => DelayStep::read(node, reader).map(Self::Delay),
            ["call"] => CallStep::read(&with_link(node, "call"), reader).map(|step| Self::Call(Box::new(step))),
            ["publish"] => {
                PublishStep::read(&with_link(node, "publish"), reader).map(|step| Self::Publish(Box::new(step)))
            }
            ["cached"] => {
                let node = with_link(&opened(node, "cached", "cache"), "cached");
                CachedStep::read(&node, reader).map(|step| Self::Cached(Box::new(step)))
            }
            ["hold"] => HoldStep::read(&opened(node, "hold", "pool"), reader).map(|step| Self::Hold(Box::new(step))),
            ["parallel"] => ParallelStep::read(node, reader).map(Self::Parallel),
            ["choose"] => ChooseStep::read(node, reader).map(Self::Choose),
            ["fail"] => FailStep::read(&opened(node, "fail", "share"), reader).map(Self::Fail),
            [] => unknown_step(node, entries, reader),
            several => reader.error(
                node,
                format!("one step with {}", several.join(" and ")),
                "a step for each, one after the other",
            ),
        }
    }

    fn shape() -> Shape {
        Shape::Named("Step", || {
            Shape::Any(vec![
                CpuStep::shape(),
                DelayStep::shape(),
                CallStep::shape(),
                PublishStep::shape(),
                CachedStep::shape(),
                HoldStep::shape(),
                ParallelStep::shape(),
                ChooseStep::shape(),
                FailStep::shape(),
            ])
        })
    }
}

fn unknown_step(node: &Node, entries: &[(String, Node)], reader: &mut Reader) -> Option<Step> {
    let expected = format!("a step with {}", in_a_row(STEP_WORDS.into_iter()));
    let keys: Vec<&str> =
        entries.iter().map(|(key, _)| key.as_str()).filter(|key| !super::spec::is_note(key)).collect();
    let help = keys.iter().find_map(|key| super::diagnostic::nearest(key, STEP_WORDS));
    let found =
        if keys.is_empty() { "found an empty step".to_string() } else { format!("unknown step {}", keys.join(", ")) };
    reader.diagnostics.push(
        super::diagnostic::Diagnostic::error(&node.path, node.line, found)
            .expected(expected)
            .help(help.map_or(String::new(), |word| format!("did you mean {word}?"))),
    );
    None
}

/// `{ "hold": { "pool": P, "do": S } }` as `{ "hold": P, "do": S }`.
fn opened(node: &Node, word: &str, inner: &str) -> Node {
    let mut step = node.clone();
    let Some(Node { value: Value::Map(_), .. }) = node.get(word) else { return step };
    let Some(mut map) = step.remove(word) else { return step };
    if let Some(main) = map.remove(inner) {
        step.insert(word, main);
    } else if word == "fail" {
        step.insert(word, Node { value: Value::from(1), path: map.path.clone(), line: map.line });
    } else {
        // Left as it is: its reader says what is missing.
        step.insert(word, map);
        return step;
    }
    for (key, value) in map.entries() {
        if step.get(key).is_none() {
            step.insert(key, value.clone());
        }
    }
    step
}

/// `{ "call": "db", "timeout": "1s" }` as `{ "call": { "to": "db", "timeout": "1s" } }`.
fn with_link(node: &Node, word: &str) -> Node {
    let mut step = node.clone();
    let names = link_field_names();
    let Some(target) = step.get(word).cloned() else { return step };
    let mut link = match &target.value {
        Value::Map(_) => target,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_) => {
            let (path, line) = (target.path.clone(), target.line);
            Node { value: Value::Map(vec![("to".to_string(), target)]), path, line }
        }
    };
    let mut moved = match step.get("link").map(|link| &link.value) {
        Some(Value::Map(entries)) => entries.clone(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::List(_)) | None => Vec::new(),
    };
    if !moved.is_empty() {
        step.remove("link");
    }
    for (key, value) in node.entries() {
        if names.contains(&key.as_str()) {
            step.remove(key);
            moved.push((key.clone(), value.clone()));
        }
    }
    for (key, value) in moved {
        if link.get(&key).is_none() {
            link.insert(&key, value);
        }
    }
    step.insert(word, link);
    step
}

/// Every step of a list, those inside of others too.
pub fn each_step<'s>(steps: &'s [Step], visit: &mut dyn FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        match step {
            Step::Cpu(_) | Step::Delay(_) | Step::Call(_) | Step::Publish(_) | Step::Fail(_) => {}
            Step::Cached(cached) => {
                each_step(&cached.miss, visit);
                each_step(&cached.hit, visit);
            }
            Step::Hold(hold) => each_step(&hold.steps, visit),
            Step::Parallel(parallel) => parallel.branches.iter().for_each(|branch| each_step(branch, visit)),
            Step::Choose(choose) => choose.branches.iter().for_each(|branch| each_step(&branch.steps, visit)),
        }
    }
}

/// The fields of a step that lead to other components, for the schema's tests.
pub fn step_structures() -> Vec<super::spec::Structure> {
    vec![
        CpuStep::structure(),
        DelayStep::structure(),
        CallStep::structure(),
        PublishStep::structure(),
        CachedStep::structure(),
        HoldStep::structure(),
        ParallelStep::structure(),
        ChooseStep::structure(),
        FailStep::structure(),
    ]
}
