// Keeps what was typed: it is sent to the form's own address some seconds after the last letter, and when the page is left. Without this
// file nothing is kept before the form is sent.

const form = document.querySelector('form.write');
const said = document.querySelector('#kept');

if (form && said) {
  const PAUSE = 20_000;
  let waiting = 0;
  let isKept = true;
  const typed = () => {
    const fields = new FormData(form);
    fields.delete('rows');
    fields.set('do', 'keep');
    return fields;
  };
  const keep = async () => {
    waiting = 0;
    try {
      const answer = await fetch(form.getAttribute('action'), { method: 'POST', body: typed(), redirect: 'error' });
      isKept = answer.status === 204;
    } catch {
      isKept = false;
    }
    const now = new Date().toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
    said.textContent = isKept ? `${said.dataset.kept} ${now}` : said.dataset.lost;
  };
  form.addEventListener('input', () => {
    isKept = false;
    waiting ||= setTimeout(keep, PAUSE);
  });
  form.addEventListener('submit', (event) => {
    if (event.submitter?.value === 'preview') return;
    // It is sent now: nothing has to be kept.
    clearTimeout(waiting);
    isKept = true;
  });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden' && !isKept) navigator.sendBeacon(form.getAttribute('action'), typed());
  });
}
