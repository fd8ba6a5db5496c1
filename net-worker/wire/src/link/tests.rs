//! The link: what a person may do to it, and what is found when it is damaged.

use super::*;
use proptest::prelude::*;

fn link() -> InviteLink {
    let addresses = ["192.0.2.7:22224".parse().unwrap(), "[2001:db8::7]:22224".parse().unwrap()];
    InviteLink::new(&addresses, SessionSecret(*b"0123456789abcdef"), Fingerprint([0xC3; 32])).unwrap()
}

#[test]
fn the_text_of_version_1_is_this() {
    assert_eq!(link().to_text(), FIXTURE);
    assert_eq!(InviteLink::parse(FIXTURE), Ok(link()));
}

#[test]
fn crc_is_the_well_known_one() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}

#[test]
fn a_link_survives_mail_chat_and_people() {
    let text = link().to_text();
    let (start, end) = text.split_at(50);
    for pasted in [
        format!("  {text}\r\n"),
        format!("\"{text}\""),
        format!("<{text}>."),
        format!("“{text}”, says Ada"),
        format!("Join me:\n{text}\nsee you"),
        format!("{text} thanks!"),
        format!("{start}\n> {end}"),
        format!("{start}\u{200B}\u{AD}{end}"),
        text.replace("backline", "Backline"),
        format!("({text})"),
        format!("{text}=="),
    ] {
        assert_eq!(InviteLink::parse(&pasted), Ok(link()), "{pasted:?}");
    }
}

#[test]
fn every_truncation_is_called_so() {
    let text = link().to_text();
    for length in PREFIX.len()..text.len() {
        assert_eq!(InviteLink::parse(&text[..length]), Err(LinkError::Truncated), "{length}");
    }
    for length in 0..PREFIX.len() {
        assert_eq!(InviteLink::parse(&text[..length]), Err(LinkError::NotALink), "{length}");
    }
}

/// Exhaustive: each character replaced by each other one that may stand in a link.
#[test]
fn every_change_of_one_character_is_detected() {
    let text = link().to_text();
    let alphabet: Vec<char> =
        ('a'..='z').chain('A'..='Z').chain('0'..='9').chain(['-', '_', ' ', '.', 'é']).collect();
    for at in PREFIX.len()..text.len() {
        for other in alphabet.iter().filter(|c| !text[at..].starts_with(**c)) {
            let damaged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(InviteLink::parse(&damaged).is_err(), "{at}: {damaged}");
        }
    }
}

#[test]
fn every_lost_doubled_or_swapped_character_is_detected() {
    let text = link().to_text();
    for at in PREFIX.len()..text.len() - 1 {
        let lost = format!("{}{}", &text[..at], &text[at + 1..]);
        assert!(InviteLink::parse(&lost).is_err(), "{at} lost");
        let doubled = format!("{}{}", &text[..=at], &text[at..]);
        let harmless = text[at..].bytes().all(|b| b == text.as_bytes()[at]);
        assert!(harmless || InviteLink::parse(&doubled).is_err(), "{at} doubled");
        let mut swapped = text.clone().into_bytes();
        swapped.swap(at, at + 1);
        let swapped = String::from_utf8(swapped).unwrap();
        assert!(swapped == text || InviteLink::parse(&swapped).is_err(), "{at} swapped");
    }
}

#[test]
fn other_versions_are_named() {
    for version in [0, 2, 255] {
        let mut other = link();
        other.version = version;
        assert_eq!(InviteLink::parse(&other.to_text()), Err(LinkError::OtherVersion { version }));
    }
}

#[test]
fn unreachable_addresses_are_left_out() {
    let all = ["0.0.0.0:1", "192.0.2.1:0", "[::]:5", "224.0.0.1:5", "255.255.255.255:5"]
        .map(|a| a.parse().unwrap());
    assert_eq!(
        InviteLink::new(&all, SessionSecret([0; 16]), Fingerprint([0; 32])),
        Err(LinkError::NoAddress)
    );
    let twice = ["192.0.2.1:5", "[::ffff:192.0.2.1]:5"].map(|a| a.parse().unwrap());
    let link = InviteLink::new(&twice, SessionSecret([0; 16]), Fingerprint([0; 32])).unwrap();
    assert_eq!(link.addresses(), &["192.0.2.1:5".parse().unwrap()]);
}

#[test]
fn every_error_says_what_to_do() {
    use LinkError::{Damaged, NoAddress, NotALink, OtherVersion, Truncated};
    for error in [NotALink, Truncated, Damaged, OtherVersion { version: 9 }, NoAddress] {
        let text = error.to_string();
        assert!(["ask", "copy", "update"].iter().any(|verb| text.contains(verb)), "{text}");
    }
    assert!(!format!("{:?}", link()).contains("48, 49, 50"), "the secret is hidden");
}

fn any_address() -> impl Strategy<Value = SocketAddr> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
}

proptest! {
    #[test]
    fn every_link_round_trips(addresses in prop::collection::vec(any_address(), 0..12), secret: [u8; 16], print: [u8; 32]) {
        if let Ok(link) = InviteLink::new(&addresses, SessionSecret(secret), Fingerprint(print)) {
            prop_assert_eq!(InviteLink::parse(&link.to_text()), Ok(link));
        } else {
            prop_assert!(!addresses.iter().map(plain).any(|a| is_reachable(&a)));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,400}", body in "[A-Za-z0-9_-]{0,400}") {
        let _ = InviteLink::parse(&text);
        let _ = InviteLink::parse(&format!("{PREFIX}{body}{text}"));
    }
}

const FIXTURE: &str = "backline://join/AU4wMTIzNDU2Nzg5YWJjZGVmw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8MEwAACB1bQBiABDbgAAAAAAAAAAAAAAAdW0O4mcmw";
