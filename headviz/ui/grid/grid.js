// The head grid. Python owns the mask and a revision, which it raises when it changes the mask itself; the browser paints at
// once and sends the whole mask after each edit, so that the newest picture wins and nothing is lost when events coalesce.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector('.hv'), read = parentElement.querySelector('.hv-read');
  const S = (root._state ??= { rev: null, n: 0 }); // lives on the node: this function is called at every change of data
  S.send = setTriggerValue; // always the newest
  S.notes = data.notes ?? []; S.hand = new Set(data.hand ?? []); S.shade = data.shade ?? [];
  root.setAttribute('aria-label', data.label);

  const shape = data.heads.join(',');
  if (S.shape !== shape) build();
  if (data.rev !== S.rev && !S.paint) { S.rev = data.rev; S.mask = data.mask.map(row => row.slice()); }
  S.cells.forEach((_, i) => show(i));
  tell(S.over ?? null);
  if (!S.wired) wire();

  function build() { // only for a new shape: nodes that stay keep the focus
    const widest = Math.max(...data.heads);
    Object.assign(S, { shape, widest, heads: data.heads.slice(), rev: null, mask: null, at: 0, cells: [], place: [], start: [] });
    root.style.gridTemplateColumns = `max-content repeat(${widest}, minmax(9px, 56px))`;
    const nodes = [label('', 'corner')];
    const every = widest > 24 ? 4 : 1;
    for (let h = 0; h < widest; h++) nodes.push(label(h % every ? '' : `H${h}`, 'head'));
    S.heads.forEach((count, l) => {
      nodes.push(label(`L${l}`, 'layer'));
      S.start.push(S.cells.length);
      for (let h = 0; h < widest; h++) nodes.push(h < count ? cell(l, h) : label('', 'none'));
    });
    root.replaceChildren(...nodes);
  }
  function label(text, kind) {
    const node = document.createElement('span');
    node.className = kind; node.textContent = text; node.setAttribute('aria-hidden', 'true');
    return node;
  }
  function cell(l, h) {
    const node = document.createElement('button'), i = S.cells.length;
    node.type = 'button'; node.dataset.i = i; node.tabIndex = i ? -1 : 0;
    S.cells.push(node); S.place.push([l, h]);
    return node;
  }
  function name(i) { return `L${S.place[i][0]}H${S.place[i][1]}`; }
  function kept(i) { const [l, h] = S.place[i]; return S.mask[l][h] === 1; }
  function describe(i) {
    const note = S.notes[i] ? `, ${S.notes[i]}` : '';
    return `${name(i)}, ${kept(i) ? 'kept' : 'cut'}${S.hand.has(name(i)) ? ' by hand' : ''}${note}`;
  }
  function show(i) {
    const node = S.cells[i];
    node.setAttribute('aria-pressed', String(kept(i)));
    node.setAttribute('aria-label', describe(i));
    node.classList.toggle('hand', S.hand.has(name(i)));
    node.classList.toggle('at', data.picked === name(i));
    node.style.setProperty('--shade', S.shade[i] ?? 1);
  }
  function tell(i) {
    S.over = i;
    read.textContent = i === null ? data.hint : describe(i);
  }
  function put(i, value) {
    const [l, h] = S.place[i];
    if (S.mask[l][h] === value) return;
    S.mask[l][h] = value; S.paint.dirty = true; S.paint.last = name(i); show(i);
  }
  function flush() {
    const paint = S.paint; S.paint = null;
    if (paint?.dirty) S.send('edit', { base: S.rev, n: ++S.n, last: paint.last, mask: S.mask.map(row => row.join('')).join('/') });
  }
  function stand(i) { S.cells[S.at].tabIndex = -1; S.at = i; S.cells[i].tabIndex = 0; }
  function focus(i) { stand(i); S.cells[i].focus(); }
  function hit(event) {
    const node = root.getRootNode().elementFromPoint(event.clientX, event.clientY);
    return node?.dataset?.i === undefined ? -1 : +node.dataset.i;
  }
  function step(l, h) { // the cell of that layer nearest to that head
    l = Math.min(S.heads.length - 1, Math.max(0, l));
    return S.start[l] + Math.min(S.heads[l] - 1, Math.max(0, h));
  }
  function wire() {
    S.wired = true;
    root.onpointerdown = event => {
      const i = hit(event);
      if (i < 0 || event.button) return;
      event.preventDefault(); root.setPointerCapture(event.pointerId);
      S.paint = { value: kept(i) ? 0 : 1 }; focus(i); put(i, S.paint.value); tell(i);
    };
    root.onpointermove = event => {
      if (!S.paint) { const i = hit(event); tell(i < 0 ? null : i); return; }
      for (const part of event.getCoalescedEvents?.() ?? [event]) {
        const i = hit(part);
        if (i >= 0 && S.paint.value !== undefined) { put(i, S.paint.value); tell(i); }
      }
    };
    root.onpointerup = root.onpointercancel = flush;
    root.onpointerleave = () => tell(null);
    root.onkeydown = event => {
      const [l, h] = S.place[S.at];
      const to = { ArrowRight: [l, h + 1], ArrowLeft: [l, h - 1], ArrowDown: [l + 1, h], ArrowUp: [l - 1, h],
        Home: [l, 0], End: [l, S.widest] }[event.key];
      if (to) { event.preventDefault(); focus(step(...to)); tell(S.at); }
      else if (event.key === ' ' || event.key === 'Enter') {
        event.preventDefault(); S.paint = {}; put(S.at, kept(S.at) ? 0 : 1); flush(); tell(S.at);
      }
    };
    // There is no onfocusin. The focus may come by neither pointer nor arrows: screen readers set it themselves.
    root.addEventListener('focusin', event => { if (event.target.dataset.i) stand(+event.target.dataset.i); });
    root.addEventListener('focusout', event => { if (!root.contains(event.relatedTarget)) tell(null); });
  }
}
