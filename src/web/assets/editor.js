// CodeMirror in an element of its own. It lives in a shadow root, where its style sheets are adopted instead of written into the page.

import {
  bracketMatching, defaultKeymap, EditorState, EditorView, HighlightStyle, highlightActiveLine, history, historyKeymap, keymap, lineNumbers,
  lintGutter, search, searchKeymap, setDiagnostics, StreamLanguage, syntaxHighlighting, tags, toml,
} from './vendor/codemirror.js';

const look = EditorView.theme({
  '&': { fontSize: '14px', backgroundColor: 'transparent', color: 'var(--ink)' },
  '.cm-content': { fontFamily: 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace', caretColor: 'var(--ink)', padding: '8px 0' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--ink2)', border: 'none' },
  '.cm-activeLine': { backgroundColor: 'color-mix(in srgb, var(--sun) 9%, transparent)' },
  '&.cm-focused': { outline: '3px solid var(--focus)', outlineOffset: '4px', borderRadius: '6px' },
  '.cm-selectionBackground, ::selection': { backgroundColor: 'color-mix(in srgb, var(--focus) 30%, transparent)' },
  '.cm-panels': { backgroundColor: 'var(--raise)', color: 'var(--ink)', borderColor: 'var(--line)' },
  '.cm-panel input, .cm-panel button': { minHeight: '28px', font: 'inherit', color: 'inherit', background: 'var(--card)', border: '1px solid var(--line)', borderRadius: '6px' },
  '.cm-tooltip': { backgroundColor: 'var(--card)', color: 'var(--ink)', border: '1px solid var(--line)', borderRadius: '8px' },
  '.cm-scroller': { minHeight: '420px', lineHeight: '1.55' },
});
const colours = HighlightStyle.define([
  { tag: tags.comment, color: 'var(--ink2)', fontStyle: 'italic' },
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--net-ink)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--bat-ink)' },
  { tag: [tags.number, tags.bool, tags.atom], color: 'var(--exp-ink)' },
  { tag: [tags.keyword, tags.heading], color: 'var(--sun-ink)', fontWeight: '600' },
]);

class Editor extends HTMLElement {
  #view = null; #file = null; #problems = [];

  /** {text, label, changed}: another object is another file. */
  set file(file) {
    if (file === this.#file) return;
    this.#file = file;
    if (this.isConnected) this.#open();
  }

  /** Underlined where they are. */
  set problems(problems) {
    if (problems === this.#problems) return;
    this.#problems = problems;
    this.#show();
  }

  connectedCallback() { if (this.#file && !this.#view) this.#open(); }

  #open() {
    const { text, label, changed } = this.#file;
    this.#view?.destroy();
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    root.replaceChildren();
    const place = document.createElement('div');
    root.append(place);
    this.#view = new EditorView({
      root, parent: place,
      state: EditorState.create({ doc: text, extensions: [
        lineNumbers(), history(), highlightActiveLine(), bracketMatching(), search({ top: true }), lintGutter(), StreamLanguage.define(toml),
        // Tab goes on to what follows: who uses the keyboard must get out again.
        keymap.of([...searchKeymap, ...historyKeymap, ...defaultKeymap]), syntaxHighlighting(colours), look, EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': label, spellcheck: 'false', autocapitalize: 'off' }),
        EditorView.updateListener.of((update) => { if (update.docChanged) changed(update.state.doc.toString()); }),
      ] }),
    });
    this.#show();
  }

  set(text) {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: text } });
  }

  #show() {
    if (!this.#view) return;
    const { doc } = this.#view.state;
    const marks = this.#problems.filter((one) => one.line >= 1 && one.line <= doc.lines).map((one) => {
      const line = doc.line(one.line);
      const from = Math.min(line.to, line.from + Math.max(0, (one.column ?? 1) - 1));
      const to = one.fix ? Math.min(line.to, from + one.fix.length) : line.to;
      return { from, to: Math.max(to, from), severity: 'error', message: [one.what, one.hint].filter(Boolean).join('\n') };
    });
    this.#view.dispatch(setDiagnostics(this.#view.state, marks));
  }

  go(line, column) {
    const { doc } = this.#view.state;
    const at = doc.line(Math.max(1, Math.min(doc.lines, line)));
    this.#view.dispatch({ selection: { anchor: Math.min(at.to, at.from + Math.max(0, (column ?? 1) - 1)) }, scrollIntoView: true });
    this.#view.focus();
  }

  disconnectedCallback() { this.#view?.destroy(); this.#view = null; }
}
customElements.define('watt-editor', Editor);
