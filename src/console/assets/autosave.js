// Keeps what was typed: it is sent to the form's own address some seconds after the last letter, and when the page is left. Without this
// file nothing is kept before the form is sent. A form that was sent is not kept any more, whatever comes later: the server knows its id.

const form = document.querySelector('form.write');
const said = document.querySelector('#kept');

if (form && said) {
  const PAUSE = 20_000;
  // A browser sends no more than this when a page is left.
  const BEACON = 60_000;
  // So large a form is kept at once: it would be lost when the page is left.
  const LARGE_PAUSE = 3_000;
  let waiting = 0;
  // A form that comes back with problems is stored nowhere.
  let isKept = !('sent' in form.dataset);
  let changes = 0;
  let keeping = null;
  const typed = () => {
    const fields = new FormData(form);
    const file = fields.get('rows');
    fields.delete('rows');
    // A file is not kept: the form says that one was chosen.
    if (file instanceof File && file.name) fields.set('rows_file', file.name);
    fields.set('do', 'keep');
    return fields;
  };
  const size = (fields) => [...fields].reduce((sum, [name, value]) => sum + name.length + 3 * value.length + 100, 0);
  const keep = async () => {
    waiting = 0;
    keeping?.abort();
    const own = (keeping = new AbortController());
    const before = changes;
    let kept = false;
    try {
      const answer = await fetch(form.getAttribute('action'), {
        method: 'POST', body: typed(), redirect: 'error', signal: own.signal,
      });
      kept = answer.status === 204;
    } catch {
      if (own.signal.aborted) return;
    }
    // What was typed meanwhile is not kept yet.
    isKept = kept && changes === before;
    const now = new Date().toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
    said.textContent = kept ? `${said.dataset.kept} ${now}` : said.dataset.lost;
  };
  form.addEventListener('input', () => {
    isKept = false;
    changes += 1;
    waiting ||= setTimeout(keep, size(typed()) > BEACON ? LARGE_PAUSE : PAUSE);
  });
  form.addEventListener('submit', (event) => {
    if (event.submitter?.value === 'preview') return;
    // It is sent now. Should it not arrive, it is kept when the page is left, or after the next letter.
    clearTimeout(waiting);
    waiting = 0;
    keeping?.abort();
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState !== 'hidden' || isKept) return;
    const fields = typed();
    // One that is too large goes on in a page that is only hidden; in one that is left it may be cut off.
    if (size(fields) > BEACON || !navigator.sendBeacon(form.getAttribute('action'), fields)) keep();
  });
}
