//! A scenario as a tree that remembers where everything was written.
//!
//! Nodes live in one arena and know their parents, so a path leads to a place in the text and
//! a place in the text to a path.

use std::collections::BTreeSet;

use crate::diagnose::{Origins, Span};

/// A node of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Nothing was written.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as written.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    Sequence(Vec<NodeId>),
    /// Keys and values, in the order written.
    Mapping(Vec<Entry>),
    /// What was written here is wrong and already reported; it stands for any value, so that
    /// the search for further mistakes can go on. The number says which value to try next.
    StandIn(u8),
}

/// One key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: NodeId,
}

/// One node.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) parent: Option<NodeId>,
    pub(crate) value: Value,
}

/// A scenario, or a part of one, with the texts it came from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    root: NodeId,
    /// Nodes at which a mistake was reported: what they and their children say is made up.
    tainted: BTreeSet<NodeId>,
    pub(crate) origins: Origins,
    /// What the text is, in messages.
    pub(crate) what: &'static str,
}

impl Tree {
    /// A tree of one empty mapping.
    pub(crate) fn new(origins: Origins) -> Self {
        let root = Node { span: Span::default(), parent: None, value: Value::Mapping(Vec::new()) };
        let nodes = vec![root];
        Self { nodes, root: NodeId(0), tainted: BTreeSet::new(), origins, what: "scenario" }
    }

    pub(crate) fn root(&self) -> NodeId {
        self.root
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub(crate) fn value(&self, id: NodeId) -> &Value {
        &self.node(id).value
    }

    /// Adds a node that nothing refers to yet.
    pub(crate) fn add(&mut self, value: Value, span: Span, parent: Option<NodeId>) -> NodeId {
        let id = NodeId(u32::try_from(self.nodes.len()).expect("the parser's budget is smaller"));
        self.nodes.push(Node { span, parent, value });
        id
    }

    pub(crate) fn replace(&mut self, id: NodeId, value: Value) {
        self.nodes[id.0 as usize].value = value;
    }

    pub(crate) fn set_span(&mut self, id: NodeId, span: Span) {
        self.nodes[id.0 as usize].span = span;
    }

    /// Adds `key` to a mapping; anything else becomes a mapping first.
    pub(crate) fn push_entry(&mut self, mapping: NodeId, key: &str, key_span: Span, value: NodeId) {
        self.nodes[value.0 as usize].parent = Some(mapping);
        let entry = Entry { key: key.to_owned(), key_span, value };
        match &mut self.nodes[mapping.0 as usize].value {
            Value::Mapping(entries) => entries.push(entry),
            other => *other = Value::Mapping(vec![entry]),
        }
    }

    /// Sets `key` of a mapping, in the place of what was there.
    pub(crate) fn put_entry(&mut self, mapping: NodeId, key: &str, key_span: Span, value: NodeId) {
        match self.child(mapping, key) {
            Some(old) if old != value => self.put_in_place(old, value),
            Some(_) => {}
            None => self.push_entry(mapping, key, key_span, value),
        }
    }

    /// Says where the key of a node was written.
    pub(crate) fn set_key_span(&mut self, id: NodeId, span: Span) {
        let Some(parent) = self.node(id).parent else { return };
        if let Value::Mapping(entries) = &mut self.nodes[parent.0 as usize].value {
            for entry in entries.iter_mut().filter(|e| e.value == id) {
                entry.key_span = span;
            }
        }
    }

    /// Moves the places of a node and all below it into another text, `by` bytes further on.
    pub(crate) fn move_into(&mut self, id: NodeId, origin: u32, by: u32) {
        let moved = |s: Span| Span {
            origin,
            start: s.start.saturating_add(by),
            end: s.end.saturating_add(by),
        };
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let node = &mut self.nodes[id.0 as usize];
            node.span = moved(node.span);
            match &mut node.value {
                Value::Sequence(items) => open.extend_from_slice(items),
                Value::Mapping(entries) => {
                    for entry in entries {
                        entry.key_span = moved(entry.key_span);
                        open.push(entry.value);
                    }
                }
                _ => {}
            }
        }
    }

    /// A node in one line, as it could be written.
    pub(crate) fn show(&self, id: NodeId) -> String {
        match self.value(id) {
            Value::Null => "~".to_owned(),
            Value::Bool(b) => b.to_string(),
            Value::Number(text) | Value::Text(text) => text.clone(),
            Value::Sequence(items) => {
                let items: Vec<String> = items.iter().map(|&i| self.show(i)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Mapping(entries) => {
                let pairs: Vec<String> =
                    entries.iter().map(|e| format!("{}: {}", e.key, self.show(e.value))).collect();
                if pairs.is_empty() {
                    "{}".to_owned()
                } else {
                    format!("{{ {} }}", pairs.join(", "))
                }
            }
            Value::StandIn(_) => "?".to_owned(),
        }
    }

    /// Removes a key from a mapping.
    pub(crate) fn remove_entry(&mut self, mapping: NodeId, index: usize) {
        if let Value::Mapping(entries) = &mut self.nodes[mapping.0 as usize].value
            && index < entries.len()
        {
            entries.remove(index);
        }
    }

    pub(crate) fn entries(&self, id: NodeId) -> &[Entry] {
        match self.value(id) {
            Value::Mapping(entries) => entries,
            _ => &[],
        }
    }

    /// The child of `id` under a key, or under a place in a list.
    pub(crate) fn child(&self, id: NodeId, segment: &str) -> Option<NodeId> {
        match self.value(id) {
            Value::Mapping(entries) => entries.iter().find(|e| e.key == segment).map(|e| e.value),
            Value::Sequence(items) => items.get(segment.parse::<usize>().ok()?).copied(),
            _ => None,
        }
    }

    /// The node at `path`, or the deepest one on the way to it. Paths are dotted; a segment
    /// is a key or a place in a list. Keys that themselves contain dots are matched whole.
    pub(crate) fn find(&self, path: &str) -> (NodeId, bool) {
        let mut at = self.root;
        let mut rest = path;
        'walk: while !rest.is_empty() {
            // The longest prefix that is a key: keys may contain dots.
            let mut end = rest.len();
            loop {
                if let Some(child) = self.child(at, &rest[..end]) {
                    at = child;
                    rest = rest[end..].trim_start_matches('.');
                    continue 'walk;
                }
                match rest[..end].rfind('.') {
                    Some(dot) => end = dot,
                    None => return (at, false),
                }
            }
        }
        (at, true)
    }

    /// The dotted path of a node.
    pub(crate) fn path(&self, id: NodeId) -> String {
        let mut segments = Vec::new();
        let mut at = id;
        while let Some(parent) = self.node(at).parent {
            segments.push(match self.value(parent) {
                Value::Mapping(entries) => {
                    entries.iter().find(|e| e.value == at).map_or("?", |e| &e.key).to_owned()
                }
                Value::Sequence(items) => {
                    items.iter().position(|&i| i == at).unwrap_or(0).to_string()
                }
                _ => String::new(),
            });
            at = parent;
        }
        segments.reverse();
        segments.join(".")
    }

    /// The key under which a node stands.
    pub(crate) fn key_span(&self, id: NodeId) -> Option<Span> {
        let parent = self.node(id).parent?;
        self.entries(parent).iter().find(|e| e.value == id).map(|e| e.key_span)
    }

    /// The place to point at when this node is to blame: a scalar itself, or the key of
    /// something larger or empty.
    pub(crate) fn blame(&self, id: NodeId) -> Span {
        let node = self.node(id);
        let larger = matches!(node.value, Value::Sequence(_) | Value::Mapping(_));
        if !larger && node.span.end > node.span.start {
            return node.span;
        }
        if let Some(key) = self.key_span(id).filter(|s| s.end > s.start) {
            return key;
        }
        // An item of a list, or the whole text: its first key.
        self.entries(id).first().map_or(node.span, |first| first.key_span)
    }

    /// Notes that a mistake was reported here, and lets the node stand for any value.
    pub(crate) fn taint(&mut self, id: NodeId) {
        self.tainted.insert(id);
        self.replace(id, Value::StandIn(0));
    }

    /// Whether a mistake was reported at this node or above it.
    pub(crate) fn is_tainted(&self, id: NodeId) -> bool {
        let mut at = Some(id);
        while let Some(node) = at {
            if self.tainted.contains(&node) {
                return true;
            }
            at = self.node(node).parent;
        }
        false
    }

    /// Whether a mistake was reported at this node or below it.
    pub(crate) fn holds_taint(&self, id: NodeId) -> bool {
        !self.tainted.is_empty()
            && (self.tainted.contains(&id)
                || match self.value(id) {
                    Value::Sequence(items) => items.iter().any(|&i| self.holds_taint(i)),
                    Value::Mapping(entries) => entries.iter().any(|e| self.holds_taint(e.value)),
                    _ => false,
                })
    }

    /// Copies a tree of other texts in, below nothing yet, and returns its root.
    pub(crate) fn graft(&mut self, other: &Tree) -> NodeId {
        let origin = u32::try_from(self.origins.len()).expect("a handful of texts");
        self.origins.extend(&other.origins);
        let base = u32::try_from(self.nodes.len()).expect("the parser's budget is smaller");
        let shift = |id: NodeId| NodeId(id.0 + base);
        let moved = |span: Span| Span { origin: span.origin + origin, ..span };
        for node in &other.nodes {
            let value = match &node.value {
                Value::Sequence(items) => {
                    Value::Sequence(items.iter().copied().map(shift).collect())
                }
                Value::Mapping(entries) => Value::Mapping(
                    entries
                        .iter()
                        .map(|e| Entry {
                            key: e.key.clone(),
                            key_span: moved(e.key_span),
                            value: shift(e.value),
                        })
                        .collect(),
                ),
                scalar => scalar.clone(),
            };
            self.nodes.push(Node { span: moved(node.span), parent: node.parent.map(shift), value });
        }
        shift(other.root)
    }

    pub(crate) fn set_root(&mut self, root: NodeId) {
        self.root = root;
    }

    /// Makes `new` take the place of `old` under its parent.
    pub(crate) fn put_in_place(&mut self, old: NodeId, new: NodeId) {
        let parent = self.node(old).parent;
        self.nodes[new.0 as usize].parent = parent;
        let Some(parent) = parent else {
            self.root = new;
            return;
        };
        match &mut self.nodes[parent.0 as usize].value {
            Value::Mapping(entries) => {
                for entry in entries.iter_mut().filter(|e| e.value == old) {
                    entry.value = new;
                }
            }
            Value::Sequence(items) => {
                for item in items.iter_mut().filter(|i| **i == old) {
                    *item = new;
                }
            }
            _ => {}
        }
    }
}
