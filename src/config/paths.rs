//! The paths of a configuration: where they count from, and what a shell would have made of them.

use std::path::{Path, PathBuf};

use super::{Config, LmtpListen, lines};

/// What is said of all paths that only a shell understands.
const NOT_FILLED_IN: &str = "is not filled in here";

impl Config {
    /// Every path, by its key. An empty path says that there is no such file.
    fn paths(&mut self) -> Vec<(String, &mut PathBuf)> {
        let mut paths = Vec::new();
        for (index, relay) in self.relays.iter_mut().enumerate() {
            let of_relay = [("password_file", &mut relay.password_file), ("ca_file", &mut relay.ca_file)];
            for (key, path) in of_relay {
                paths.extend(path.as_mut().map(|path| (format!("relay.{index}.{key}"), path)));
            }
        }
        paths.extend(self.database.password_file.as_mut().map(|path| ("database.password_file".to_owned(), path)));
        let keys = self.dkim.iter_mut().enumerate();
        paths.extend(keys.map(|(index, it)| (format!("dkim.{index}.key_file"), &mut it.key_file)));
        let imap = &mut self.inbound.imap;
        for (key, path) in [("password_file", &mut imap.password_file), ("ca_file", &mut imap.ca_file)] {
            paths.extend(path.as_mut().map(|path| (format!("inbound.imap.{key}"), path)));
        }
        let directory = &mut self.directory;
        for (key, path) in [("token_file", &mut directory.token_file), ("ca_file", &mut directory.ca_file)] {
            paths.extend(path.as_mut().map(|path| (format!("directory.{key}"), path)));
        }
        let oidc = &mut self.oidc;
        for (key, path) in [("client_secret_file", &mut oidc.client_secret_file), ("ca_file", &mut oidc.ca_file)] {
            paths.extend(path.as_mut().map(|path| (format!("oidc.{key}"), path)));
        }
        paths.extend(self.webhooks.ca_file.as_mut().map(|path| ("webhooks.ca_file".to_owned(), path)));
        if let Some(LmtpListen::Unix(path)) = &mut self.inbound.lmtp_listen {
            paths.push(("inbound.lmtp_listen".to_owned(), path));
        }
        for (key, path) in [
            ("inbound.maildir.path", &mut self.inbound.maildir.path),
            ("ledger.key_file", &mut self.ledger.key_file),
            ("ledger.state_file", &mut self.ledger.state_file),
            ("privacy.journal_file", &mut self.privacy.journal_file),
            ("privacy.journal_key_file", &mut self.privacy.journal_key_file),
        ] {
            paths.push((key.to_owned(), path));
        }
        paths.retain(|(_, path)| !path.as_os_str().is_empty());
        paths
    }

    /// Counts relative paths from `folder`.
    pub(super) fn count_paths_from(&mut self, folder: &Path) {
        for (_, path) in self.paths() {
            *path = folder.join(&*path);
        }
        self.database.url = self.database.url.clone().within(folder);
    }

    /// Every path that a shell or systemd would change, by its key: no folder is called `~`.
    pub(super) fn paths_of_shells(&mut self) -> Vec<String> {
        let mut paths: Vec<(String, PathBuf)> =
            self.paths().into_iter().map(|(key, path)| (key, path.clone())).collect();
        paths.extend(self.database.url.file().map(|path| ("database.url".to_owned(), path.to_owned())));
        let users = self.relays.iter().enumerate();
        let users = users.filter(|(_, it)| it.url.user.as_ref().is_some_and(|user| user.contains("${")));
        paths.extend(users.map(|(index, _)| (format!("relay.{index}.url"), PathBuf::from("${USER}"))));
        paths.into_iter().filter_map(|(key, path)| of_shell(&key, &path.to_string_lossy())).collect()
    }
}

/// Leaves out what else is said of a path that is not filled in: that there is no such file is a consequence.
pub(super) fn leave_out_consequences(problems: &mut Vec<String>) {
    let is_cause = |problem: &String| problem.contains(NOT_FILLED_IN);
    let keys: Vec<Vec<String>> = problems.iter().filter(|it| is_cause(it)).map(|it| lines::key(it)).collect();
    problems.retain(|it| is_cause(it) || !keys.iter().any(|key| lines::key(it).starts_with(key)));
}

fn of_shell(key: &str, path: &str) -> Option<String> {
    if path == "~" || path.starts_with("~/") {
        return Some(format!("`{key}`: `~` {NOT_FILLED_IN} as in a shell: write the whole path"));
    }
    let is_name = |c: char| c == '{' || c == '_' || c.is_ascii_alphabetic();
    let variable = path.split('$').skip(1).any(|rest| rest.starts_with(is_name));
    let of_systemd = path.starts_with("%d/") || path.contains("CREDENTIALS_DIRECTORY");
    if !variable && !of_systemd {
        return None;
    }
    let name = format!("BESKED__{}", key.to_uppercase().replace('.', "__"));
    let file = path.rsplit('/').next().unwrap_or_default();
    let what = if variable { "a variable" } else { "`%d`" };
    Some(if of_systemd {
        format!(
            "`{key}`: {what} {NOT_FILLED_IN}: leave out the key, and write `Environment={name}=%d/{file}` into the unit of \
             systemd, which fills in `%d`"
        )
    } else {
        format!("`{key}`: {what} {NOT_FILLED_IN}: write it out, or set `{name}` where the shell fills it in")
    })
}
