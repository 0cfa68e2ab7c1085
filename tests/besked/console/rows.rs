//! The rows of an audience: those that were seen are those that are stored.

use besked::domain::operator::Role;

use super::browser::{Browser, Page};
use super::desk::{MAINTENANCE, at, changed, filled, staffed, stored};
use crate::database::Engine;

/// The form of a page, with some of its values changed.
async fn send(browser: &mut Browser, path: &str, page: &Page, changes: &[(&str, &str)]) -> Page {
    let form = filled(page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.post(path, &changed(&form, changes)).await
}

/// The same with a file.
async fn send_file(browser: &mut Browser, path: &str, page: &Page, wanted: &str, file: &[u8]) -> Page {
    let form = filled(page);
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.upload(path, &changed(&form, &[("do", wanted)]), ("rows", "two.csv", file)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_seen_is_never_replaced_by_the_stored_rows() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let with_rows = changed(&MAINTENANCE, &[("audience", "rows"), ("rows_text", "account_id\nC1\n")]);
    let notice = stored(&mut ops, &with_rows).await;
    let edit = format!("{notice}/edit");
    let page = ops.get(&edit).await.is(200);
    // UTF-16, as spreadsheets write it: it is not put into the form, and neither is one that is too large for it.
    let utf16: Vec<u8> = "\u{feff}account_id\nC2\nC3\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let blank = " ".repeat(300 << 10);
    let large = format!("account_id,note\nC2,{blank}\nC3,x\n");
    for file in [utf16.as_slice(), large.as_bytes()] {
        let checked = send_file(&mut ops, &edit, &page, "check", file).await.is(200).says("at 2 customers");
        let saved = send(&mut ops, &edit, &checked, &[("do", "save")]).await.is(422);
        let saved = saved.says("Choose two.csv again");
        assert!(saved.html().contains("id=\"rows-fault\""), "{}", saved.html());
        ops.get(&format!("{notice}/preview")).await.is(200);
        // Also once it was refused, and after another step of the form.
        send(&mut ops, &edit, &saved, &[("do", "check")]).await.is(422).says("Choose two.csv again");
        let named = ops.get(&edit).await.is(200);
        send(&mut ops, &edit, &named, &[("do", "check")]).await.is(200).says("at 1 customer");
        let now = send_file(&mut ops, &edit, &saved, "check", file).await.is(200).says("at 2 customers");
        drop(now);
    }
    // A file that is wrong leaves no way to the stored rows either.
    let wrong = send_file(&mut ops, &edit, &page, "check", b"account_id\nC2\nC2\n").await.is(422);
    send(&mut ops, &edit, &wrong, &[("do", "save")]).await.is(422).says("Choose two.csv again");
    // Rows that were typed before are not those of the file.
    let typed = send(&mut ops, &edit, &page, &[("do", "check"), ("rows_text", "account_id\nC3\n")]).await;
    let checked = send_file(&mut ops, &edit, &typed.is(200), "check", &utf16).await.is(200).says("at 2 customers");
    send(&mut ops, &edit, &checked, &[("do", "save")]).await.is(422).says("Choose two.csv again");
    // Chosen again, it is what is stored.
    send_file(&mut ops, &edit, &checked, "save", &utf16).await.is(303);
    let page = ops.get(&edit).await.is(200);
    send(&mut ops, &edit, &page, &[("do", "check")]).await.is(200).says("at 2 customers");
}
