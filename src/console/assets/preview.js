// Live preview: what was typed is sent to the preview's frame once the typing stops for a moment. Without this file the button does it.

const form = document.querySelector('form.write');
const button = form?.querySelector('button[value="preview"]');

if (button) {
  let waiting = 0;
  const show = () => {
    // Whoever types goes on typing.
    const focused = document.activeElement;
    // A frame that was never shown before leaves no step in the history of the page.
    const frame = form.querySelector('iframe[name="preview"]');
    frame.replaceWith(frame.cloneNode());
    form.requestSubmit(button);
    if (focused instanceof HTMLElement && document.activeElement !== focused) focused.focus();
  };
  const later = (event) => {
    // A file that is uploaded with each letter would be too much.
    if (event.target.type === 'file') return;
    clearTimeout(waiting);
    waiting = setTimeout(show, 600);
  };
  form.addEventListener('input', later);
  show();
}
