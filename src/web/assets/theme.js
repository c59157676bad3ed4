// Before anything is drawn: light or dark, as the system has it or as it was chosen in More.
(() => {
  const system = matchMedia('(prefers-color-scheme: dark)');
  const set = () => {
    let chosen = null;
    try { chosen = localStorage.getItem('wattbridge.theme'); } catch { /* Storage may be forbidden. */ }
    const theme = chosen === 'light' || chosen === 'dark' ? chosen : system.matches ? 'dark' : 'light';
    document.documentElement.dataset.theme = theme;
    dispatchEvent(new Event('theme'));
  };
  system.addEventListener('change', set);
  addEventListener('theme-chosen', set);
  set();
})();
