//! Tokens in return paths and links: each names a delivery and cannot be forged.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::domain::address::Address;
use crate::domain::entry::hmac;

/// The key of all tokens. All nodes share it; see [`crate::store::secrets`].
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

/// The use of a token; a token for one use is not valid for the other.
#[derive(Clone, Copy)]
enum Use {
    ReturnPath,
    Reply,
    Link,
    Calendar,
}

/// Begins what the id of a calendar entry is a keyed hash of.
const ENTRY: &[u8] = b"calendar entry ";

impl TokenKey {
    /// Wraps the key.
    #[must_use]
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The envelope sender of a delivery: `b+TOKEN@domain`. A bounce to it names the delivery.
    #[must_use]
    pub fn return_path(&self, delivery: Uuid, domain: &str) -> Address {
        self.path(Use::ReturnPath, delivery, domain)
    }

    /// The token of a delivery's return path, by itself.
    #[must_use]
    pub fn return_token(&self, delivery: Uuid) -> String {
        BASE32_NOPAD.encode(&self.token::<8>(Use::ReturnPath, delivery)).to_lowercase()
    }

    /// The delivery that a return path's local part names.
    #[must_use]
    pub fn read_return_path(&self, local: &str) -> Option<Uuid> {
        self.read_path(Use::ReturnPath, local)
    }

    /// The address for replies to a delivery's message: `reply+TOKEN@domain`.
    #[must_use]
    pub fn reply_path(&self, delivery: Uuid, domain: &str) -> Address {
        self.path(Use::Reply, delivery, domain)
    }

    /// The local part of the address for replies.
    #[must_use]
    pub fn reply_local(&self, delivery: Uuid) -> String {
        self.local(Use::Reply, delivery)
    }

    /// The delivery that the local part of an address for replies names.
    #[must_use]
    pub fn read_reply_path(&self, local: &str) -> Option<Uuid> {
        self.read_path(Use::Reply, local)
    }

    /// The delivery that the local part of an address of ours names: of a return path, or of an address for replies.
    #[must_use]
    pub fn read_inbound_path(&self, local: &str) -> Option<Uuid> {
        self.read_return_path(local).or_else(|| self.read_reply_path(local))
    }

    fn path(&self, used: Use, delivery: Uuid, domain: &str) -> Address {
        let text = format!("{}@{domain}", self.local(used, delivery));
        Address::parse(&text).expect("a token and a checked domain make an address")
    }

    fn local(&self, used: Use, delivery: Uuid) -> String {
        let token = self.token::<8>(used, delivery);
        // Local parts may be lower-cased in transit: base 32 survives that.
        format!("{}+{}", used.prefix(), BASE32_NOPAD.encode(&token).to_lowercase())
    }

    fn read_path(&self, used: Use, local: &str) -> Option<Uuid> {
        let (prefix, token) = local.split_once('+')?;
        let is_used_so = prefix.eq_ignore_ascii_case(used.prefix());
        let token = BASE32_NOPAD.decode(token.to_uppercase().as_bytes()).ok().filter(|_| is_used_so)?;
        self.read::<8>(used, &token)
    }

    /// The token of a delivery's unsubscribe and preference links.
    #[must_use]
    pub fn link(&self, delivery: Uuid) -> String {
        BASE64URL_NOPAD.encode(&self.token::<16>(Use::Link, delivery))
    }

    /// The token of the address of a customer's calendar.
    #[must_use]
    pub fn calendar(&self, feed: Uuid) -> String {
        BASE64URL_NOPAD.encode(&self.token::<16>(Use::Calendar, feed))
    }

    /// The feed that such a token names.
    #[must_use]
    pub fn read_calendar(&self, token: &str) -> Option<Uuid> {
        self.read::<16>(Use::Calendar, &BASE64URL_NOPAD.decode(token.as_bytes()).ok()?)
    }

    /// The id of a customer's calendar entry of a matter: the same for all contacts and notices, and of no use to others.
    #[must_use]
    pub fn calendar_entry(&self, matter: Uuid, account_id: &str) -> Uuid {
        let mac = hmac(&self.0, &[ENTRY, matter.as_bytes(), account_id.as_bytes()].concat());
        uuid::Builder::from_custom_bytes(mac[..16].try_into().expect("an HMAC is longer than an id")).into_uuid()
    }

    /// A cursor of a list that hides the text it stands for, such as an address. The same text has the same cursor.
    #[must_use]
    pub fn cursor(&self, text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        let nonce = self.nonce(text);
        self.cipher()
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut bytes)
            .expect("a cursor is short");
        // A letter first: what begins with a hyphen is an option to the command line.
        format!("c{}", BASE64URL_NOPAD.encode(&[&nonce[..], &bytes].concat()))
    }

    /// The text that a cursor stands for; `None` if the cursor was made up.
    #[must_use]
    pub fn read_cursor(&self, cursor: &str) -> Option<String> {
        let bytes = BASE64URL_NOPAD.decode(cursor.strip_prefix('c')?.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let text = self.cipher().open_in_place(nonce, Aad::empty(), &mut sealed).ok()?;
        String::from_utf8(text.to_vec()).ok()
    }

    /// The cipher of cursors, under a key that is used for nothing else.
    fn cipher(&self) -> LessSafeKey {
        let key = hmac(&self.0, b"cursor key");
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("a key of this cipher has 32 bytes"))
    }

    /// A nonce that only this text has.
    fn nonce(&self, text: &str) -> [u8; NONCE_LEN] {
        let mac = hmac(&self.0, &[b"cursor nonce ", text.as_bytes()].concat());
        mac[..NONCE_LEN].try_into().expect("an HMAC is longer than a nonce")
    }

    /// The delivery that a link's token names.
    #[must_use]
    pub fn read_link(&self, token: &str) -> Option<Uuid> {
        self.read::<16>(Use::Link, &BASE64URL_NOPAD.decode(token.as_bytes()).ok()?)
    }

    fn token<const N: usize>(&self, used: Use, delivery: Uuid) -> Vec<u8> {
        let mut token = delivery.as_bytes().to_vec();
        token.extend_from_slice(&self.mac(used, delivery)[..N]);
        token
    }

    fn read<const N: usize>(&self, used: Use, token: &[u8]) -> Option<Uuid> {
        let (id, mac) = token.split_at_checked(16)?;
        let delivery = Uuid::from_slice(id).ok()?;
        let wanted = self.mac(used, delivery);
        // In constant time, so that the time taken does not reveal how many bytes are right.
        bool::from(mac.ct_eq(&wanted[..N])).then_some(delivery)
    }

    fn mac(&self, used: Use, delivery: Uuid) -> [u8; 32] {
        let label: &[u8] = match used {
            Use::ReturnPath => b"return path ",
            Use::Reply => b"reply ",
            Use::Link => b"link ",
            Use::Calendar => b"calendar ",
        };
        hmac(&self.0, &[label, delivery.as_bytes()].concat())
    }
}

impl Use {
    /// What stands before the token in an address.
    const fn prefix(self) -> &'static str {
        match self {
            Self::ReturnPath => "b",
            Self::Reply => "reply",
            Self::Link | Self::Calendar => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_its_delivery_and_cannot_be_changed() {
        let key = TokenKey::new([7; 32]);
        let id = Uuid::from_u128(0x0193_5a6b_0000_7000_8000_0000_0000_0001);
        let path = key.return_path(id, "bounces.example.com");
        assert_eq!(path.local().len(), crate::config::RETURN_PATH_LOCAL, "the configuration is checked for it");
        assert_eq!(key.read_return_path(path.local()), Some(id));
        assert_eq!(key.read_return_path(&path.local().to_uppercase()), Some(id));
        let reply = key.reply_path(id, "bounces.example.com");
        assert_eq!(reply.local().len(), crate::config::REPLY_LOCAL, "the configuration is checked for it");
        assert_eq!(key.read_reply_path(&reply.local().to_uppercase()), Some(id));
        assert_eq!((key.read_return_path(reply.local()), key.read_reply_path(path.local())), (None, None), "by use");
        let other = path.local().replace("b+", "reply+");
        assert_eq!(key.read_reply_path(&other), None, "a return path is in every mail");
        assert_eq!(key.read_link(&key.link(id)), Some(id));
        assert_eq!(TokenKey::new([8; 32]).read_link(&key.link(id)), None);
        assert_eq!(key.read_calendar(&key.calendar(id)), Some(id));
        assert_eq!((key.read_calendar(&key.link(id)), key.read_link(&key.calendar(id))), (None, None), "by use");
        let (entry, other) = (key.calendar_entry(id, "C1"), key.calendar_entry(id, "C2"));
        assert!(entry != other && entry == key.calendar_entry(id, "C1") && entry.get_version_num() == 8);
        let longest = format!("{}.examples", ["d".repeat(50).as_str(); 4].join("."));
        assert_eq!((longest.len(), key.return_path(id, &longest).as_str().len()), (212, 254));
        let mut changed = key.link(id).into_bytes();
        changed[3] ^= 1;
        assert_eq!(key.read_link(&String::from_utf8(changed).unwrap()), None);
        assert_eq!(key.read_link(""), None);
        assert_eq!(key.read_link(&key.link(id)[..22]), None);
    }

    #[test]
    fn a_cursor_hides_its_text_and_cannot_be_changed() {
        let key = TokenKey::new([7; 32]);
        let cursor = key.cursor("anna@x.example dead");
        assert_eq!(key.cursor("anna@x.example dead"), cursor);
        assert_eq!(key.read_cursor(&cursor).as_deref(), Some("anna@x.example dead"));
        assert_eq!(TokenKey::new([8; 32]).read_cursor(&cursor), None);
        for made_up in ["", "x", "AAAA", &cursor[1..], &cursor.to_lowercase()] {
            assert_eq!(key.read_cursor(made_up), None, "{made_up}");
        }
    }
}
