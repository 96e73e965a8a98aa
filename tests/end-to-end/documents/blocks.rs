//! The blocks of code in a Markdown document.

use std::fs;

/// A fenced block, possibly with its placeholders filled in.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) text: String,
    /// Input for commands that prompt.
    pub(super) typed: String,
}

impl Block {
    pub(super) fn of(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            typed: String::new(),
        }
    }

    /// Replaces a placeholder everywhere in the block.
    pub(super) fn with(mut self, placeholder: &str, value: &str) -> Self {
        self.text = self.text.replace(placeholder, value);
        self
    }

    /// The block with additional lines before it.
    pub(super) fn after(mut self, lines: &str) -> Self {
        self.text = format!("{lines}\n{}", self.text);
        self
    }

    pub(super) fn answering(mut self, typed: &str) -> Self {
        self.typed = format!("{typed}\n");
        self
    }
}

/// Every block of a language in a document.
pub(super) fn blocks(document: &str, language: &str) -> Vec<Block> {
    let text = fs::read_to_string(toolbox::workspace_root().join(document)).unwrap();
    let opening = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == opening) {
        let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push(Block::of(&block.join("\n")));
    }
    blocks
}

/// The only block of shell commands that contains this text.
pub(super) fn block_with(document: &str, part: &str) -> Block {
    let mut found = blocks(document, "sh");
    found.retain(|block| block.text.contains(part));
    assert_eq!(found.len(), 1, "{document} must have exactly one block with `{part}`");
    found.remove(0)
}
