//! Text in pictures: as much of it as fits.

use std::borrow::Cow;

/// The start of a text, and the end of it where it is longer than `width` at a size of letters: names differ there.
pub(crate) fn fit(text: &str, size: f64, width: f64) -> Cow<'_, str> {
    let room = width / size;
    if text.chars().map(wide).sum::<f64>() <= room {
        return Cow::Borrowed(text);
    }
    let (head, tail) = ((room - 0.9) * 0.64, (room - 0.9) * 0.36);
    let within = |room: f64| {
        let mut used = 0.0;
        move |letter: &char| {
            used += wide(*letter);
            used <= room
        }
    };
    let head: String = text.chars().take_while(within(head)).collect();
    let mut tail: Vec<char> = text.chars().rev().take_while(within(tail)).collect();
    tail.reverse();
    Cow::Owned(format!("{head}…{}", tail.into_iter().collect::<String>()))
}

/// About how wide a letter is in a sans-serif font, as a part of its size; none is wider.
fn wide(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.3,
        'f' | 't' | 'r' | '-' | '/' | '(' | ')' | '[' | ']' | ' ' | 'I' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        'A'..='Z' | '&' | '=' | '+' | '<' | '>' | '#' => 0.74,
        letter if letter.is_ascii() => 0.64,
        '…' | '→' | '·' => 0.9,
        // East Asian letters and pictures are as wide as they are high.
        letter if (letter as u32) >= 0x1100 => 1.1,
        _ => 0.75,
    }
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(fit("cart", 12.0, 100.0), "cart");
        let cut = fit("a-very-long-name-of-a-workload-7f9c", 12.0, 100.0);
        assert!(cut.starts_with("a-ve") && cut.ends_with("7f9c") && cut.contains('…'), "{cut}");
        assert!(fit(&"W".repeat(400), 12.0, 100.0).chars().count() < 10);
        assert!(fit(&"界".repeat(400), 12.0, 100.0).chars().count() < 10);
        assert_eq!(fit("abc", 12.0, 0.0), "…");
    }
}
