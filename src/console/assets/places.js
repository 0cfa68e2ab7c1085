// On a narrow screen the places are one line that scrolls: the one that is open is brought into view.

const here = document.querySelector('.places [aria-current]');
here?.scrollIntoView({ block: 'nearest', inline: 'center' });
