// The head grid. Python owns the picture (the mask and its locks) and a revision, which it raises when it changes the
// picture itself; the browser paints at once and sends the whole picture after each edit, so that the newest wins and
// nothing is lost when events coalesce. What a click does, the focus and the line that is read out live here alone.
export default function ({ data, parentElement, setTriggerValue }) {
  const frame = parentElement.querySelector('.hv-frame');
  (frame._grid ??= new Grid(frame)).update(data, setTriggerValue); // called at every change of data and theme
}

const KEPT = 1, LOCKED = 2; // bits of a head's character in the picture
const HAND = 4, RESCUED = 8, PICKED = 16; // what else is marked
const MARKS = [[LOCKED, 'locked'], [HAND, 'hand'], [RESCUED, 'rescued'], [PICKED, 'at']];
const HEADER = -1; // the row of the column headers, and the column of the row headers
const TOOLS = {
  cut: {
    bit: KEPT,
    verb: 'cut or restore',
    hint: 'Click a head to cut or restore it, or a name for its whole row or column; drag over several; or use arrow '
      + 'keys and space.',
  },
  lock: {
    bit: LOCKED,
    verb: 'lock or unlock',
    hint: 'Click a head to lock it as it is or to unlock it, or a name for its whole row or column; drag over several. '
      + 'The key L does it, too.',
  },
};
const STILL = 'Point at a head, or walk there with the arrow keys, to read about it.';
const ALL_LOCKED = 'All of these heads are locked. Choose “Lock and unlock” and act on them to unlock them.';
const TO_UNLOCK = 'To unlock it, press L on it, or choose “Lock and unlock” and click it.';
const RESCUE = 'rescued: kept only because its layer must keep a head';
const LATE = 'The mask was changed meanwhile, so this edit was left out. Make it again if it is still wanted.';

class Grid {
  constructor(frame) {
    for (const part of ['tools', 'read', 'say', 'legend']) this[part] = frame.querySelector(`.hv-${part}`);
    const root = this.root = frame.querySelector('.hv');
    Object.assign(this, { tool: 'cut', sent: 0, paint: null, over: null });
    this.tools.onclick = event => this.choose(event.target.dataset.tool);
    root.onpointerdown = event => this.down(event);
    root.onpointermove = event => this.move(event);
    root.onpointerup = () => this.finish();
    root.onpointercancel = () => this.cancel(); // the finger scrolls the page instead
    root.onpointerleave = () => this.tell(null);
    root.onclick = event => this.click(event);
    root.onkeydown = event => this.key(event);
    root.onkeyup = event => { if (event.key === ' ') event.preventDefault(); }; // would click; keydown has acted
    // There is no onfocusin. The focus may come by neither pointer nor arrows: screen readers set it themselves.
    root.addEventListener('focusin', event => { if (event.target.at) this.stand(event.target); });
    root.addEventListener('focusout', event => { if (!root.contains(event.relatedTarget)) this.tell(null); });
  }

  // -- what Python says -----------------------------------------------------------------------------------------------

  update(data, send) {
    Object.assign(this, { data, send, hand: new Set(data.hand), rescued: new Set(data.rescued) });
    const shape = `${data.heads} ${data.editable}`, scores = `${data.title} ${data.values} ${data.places} ${data.whole}`;
    if (this.shape !== shape) this.build(shape);
    if (this.scores !== scores) Object.assign(this, { scores, seen: [] });
    this.root.setAttribute('aria-label', data.label);
    this.root.classList.toggle('scored', data.values.length > 0);
    this.adopt();
    if (this.over) this.tell(this.over);
  }

  adopt() { // take over a picture that Python changed, but never under a drag
    if (!this.paint && (this.data.rev !== this.rev || !this.data.editable)) {
      this.rev = this.data.rev;
      this.states = [...this.data.mask.replaceAll('/', '')].map(Number);
    }
    for (let i = 0; i < this.cells.length; i++) this.show(i);
    this.explain();
  }

  build(shape) { // only for a new shape: nodes that stay keep the focus
    const { heads, editable } = this.data, widest = Math.max(...heads), every = widest > 24 ? 4 : 1;
    Object.assign(this, { shape, widest, rev: null, paint: null, over: null });
    Object.assign(this, { cells: [], starts: [], names: [], seen: [] });
    this.columns = Array.from({ length: widest }, (_, h) => this.header(h % every ? '' : `H${h}`, HEADER, h));
    this.rows = heads.map((_, l) => this.header(`L${l}`, l, HEADER));
    const nodes = [document.createElement('span'), ...this.columns];
    heads.forEach((count, l) => {
      this.starts.push(this.cells.length);
      nodes.push(this.rows[l]);
      for (let h = 0; h < widest; h++) nodes.push(h < count ? this.cell(l, h) : document.createElement('span'));
    });
    this.root.style.setProperty('--columns', widest);
    this.root.classList.toggle('tall', heads.length > 16);
    this.root.classList.toggle('wide', widest > 32);
    this.tools.hidden = !editable;
    this.root.replaceChildren(...nodes);
    this.here = null;
    this.stand(this.cells[0]);
    this.choose(this.tool);
  }

  header(text, l, h) {
    const node = document.createElement(this.data.editable ? 'button' : 'span'), label = document.createElement('span');
    node.className = l === HEADER ? 'column' : 'row';
    label.textContent = text;
    node.append(label);
    if (this.data.editable) Object.assign(node, { type: 'button', at: [l, h], tabIndex: -1 });
    else node.setAttribute('aria-hidden', 'true');
    return node;
  }

  cell(l, h) {
    const node = document.createElement(this.data.editable ? 'button' : 'span');
    Object.assign(node, { at: [l, h], tabIndex: -1 });
    if (this.data.editable) node.type = 'button'; else node.setAttribute('role', 'img');
    this.names.push(`L${l}H${h}`);
    this.cells.push(node);
    return node;
  }

  // -- what is seen and heard -----------------------------------------------------------------------------------------

  bits(i) {
    const name = this.names[i], state = this.states[i];
    return state | (this.hand.has(name) ? HAND : 0) | (state & KEPT && this.rescued.has(name) ? RESCUED : 0)
      | (this.data.picked === name ? PICKED : 0);
  }

  show(i) { // leaves the node alone where nothing of it changed
    const bits = this.bits(i), node = this.cells[i], { places, editable } = this.data;
    if (bits === this.seen[i]) return;
    this.seen[i] = bits;
    const marks = MARKS.filter(([bit]) => bits & bit).map(([, kind]) => ` ${kind}`);
    node.className = `cell${bits & KEPT ? '' : ' cut'}${marks.join('')}`;
    if (editable) node.setAttribute('aria-pressed', String((bits & KEPT) > 0));
    node.setAttribute('aria-label', this.describe(i, `layer ${node.at[0]} head ${node.at[1]}`));
    if (places.length) node.style.setProperty('--shade', (places[i] / Math.max(1, places.length - 1)).toFixed(3));
  }

  describe(i, called) {
    const { values, places, title, whole } = this.data, bits = this.bits(i);
    const words = [whole[i] ? `${called} (${whole[i]} of the whole model)` : called, bits & KEPT ? 'kept' : 'cut'];
    if (bits & LOCKED) words.push('locked');
    if (bits & RESCUED) words.push('rescued');
    if (bits & HAND) words.push('by hand');
    if (values.length) words.push(`${title} ${values[i]}`, `place ${places[i]} of ${values.length} (0 = cut first)`);
    return words.join(', ');
  }

  tell(node) { // in the line below, of what the pointer or the focus is on
    this.over = node;
    const i = node ? this.cells.indexOf(node) : -1;
    this.read.textContent = i >= 0 ? this.describe(i, this.names[i]) : node ? node.getAttribute('aria-label')
      : this.data.editable ? TOOLS[this.tool].hint : STILL;
  }

  warn(text) { this.read.textContent = this.say.textContent = text; }

  explain() { // only the marks that occur
    const { states, names, rescued } = this, { values, title } = this.data, items = [];
    if (values.length) items.push(['scale', `high ${title}, by rank`]);
    if (states.some(state => !(state & KEPT))) items.push(['cell cut', 'cut']);
    if (states.some(state => state & LOCKED)) items.push(['cell locked', 'locked']);
    if (names.some((name, i) => states[i] & KEPT && rescued.has(name))) items.push(['cell rescued', RESCUE]);
    if (this.hand.size) items.push(['cell hand', 'changed by hand']);
    if (`${items}` === this.explained) return;
    this.explained = `${items}`;
    this.legend.replaceChildren(...items.map(([kind, text]) => {
      const item = document.createElement('span'), sign = document.createElement('i');
      sign.className = kind;
      item.append(kind === 'scale' ? 'low' : '', sign, text);
      return item;
    }));
  }

  choose(tool) {
    if (!(tool in TOOLS)) return;
    this.tool = tool;
    for (const button of this.tools.children) button.setAttribute('aria-pressed', String(button.dataset.tool === tool));
    const { verb } = TOOLS[tool], name = (node, words) => node.setAttribute('aria-label', words);
    if (this.data.editable) {
      this.rows.forEach((node, l) => name(node, `L${l}, layer ${l}: ${verb} all its heads`));
      this.columns.forEach((node, h) => name(node, `H${h}, head ${h} of every layer: ${verb} them all`));
    }
    this.tell(null);
  }

  // -- edits ----------------------------------------------------------------------------------------------------------

  index(l, h) { return h >= 0 && h < this.data.heads[l] ? this.starts[l] + h : -1; }

  begin(bit, on) { this.paint = { bit, on, before: this.states.slice(), dirty: false, last: null, barred: null }; }

  put(i, on = this.paint.on) {
    const { bit } = this.paint, state = on ? this.states[i] | bit : this.states[i] & ~bit;
    if (state === this.states[i]) return;
    if (bit === KEPT && state & LOCKED) { this.paint.barred = i; return; }
    this.states[i] = state;
    Object.assign(this.paint, { dirty: true, last: this.names[i], barred: null });
    this.show(i);
  }

  flip(node, bit) { // a head, or all free heads of a row or column, as one edit
    const [l, h] = node.at, whole = l === HEADER || h === HEADER;
    const lies = ({ at }) => (l === HEADER || at[0] === l) && (h === HEADER || at[1] === h);
    const free = [...this.cells.keys()].filter(i => lies(this.cells[i])
      && (!whole || bit === LOCKED || !(this.states[i] & LOCKED)));
    const some = free.some(i => this.states[i] & bit), every = free.every(i => this.states[i] & bit);
    this.begin(bit, bit === LOCKED ? !every : !some); // cut what is kept before restoring, lock all before unlocking
    free.forEach(i => this.put(i));
    if (whole) this.paint.last = null;
    this.over = node;
    this.finish();
    if (!free.length) this.warn(ALL_LOCKED);
  }

  finish() {
    const { paint } = this;
    if (!paint) return;
    this.paint = null;
    const late = this.data.rev !== this.rev; // Python changed the picture under the drag, and its picture wins
    if (paint.dirty && !late) {
      const rows = this.starts.map((start, l) => this.states.slice(start, start + this.data.heads[l]).join(''));
      this.send('edit', { base: this.rev, n: ++this.sent, last: paint.last, mask: rows.join('/') });
    }
    this.adopt();
    if (this.over) this.tell(this.over);
    if (paint.dirty && late) this.warn(LATE);
    else if (paint.barred !== null) {
      const state = this.states[paint.barred] & KEPT ? 'kept' : 'cut';
      this.warn(`${this.names[paint.barred]} is locked ${state}, so it stays. ${TO_UNLOCK}`);
    }
  }

  cancel() {
    if (!this.paint) return;
    this.states = this.paint.before;
    this.paint = null;
    this.adopt();
  }

  // -- the pointer ----------------------------------------------------------------------------------------------------

  down(event) {
    const node = event.target.closest('.cell');
    if (!node || event.button || this.paint || !this.data.editable) return;
    event.preventDefault();
    this.root.setPointerCapture(event.pointerId);
    const i = this.cells.indexOf(node), { bit } = TOOLS[this.tool];
    this.begin(bit, !(this.states[i] & bit));
    [this.paint.from] = this.spots([event]);
    this.stand(node);
    node.focus({ preventScroll: true });
    this.put(i);
    this.tell(node);
  }

  move(event) {
    if (this.paint) {
      const passed = event.getCoalescedEvents?.() ?? [];
      for (const spot of this.spots(passed.length ? passed : [event])) this.draw(spot);
      return;
    }
    const node = event.target.closest('.cell, .row, .column');
    if (node !== this.over) this.tell(node?.at ? node : null);
  }

  draw(to) { // a line from where the pointer was: it skips heads when it is fast
    const { from } = this.paint, across = to[0] - from[0], down = to[1] - from[1];
    const steps = Math.max(1, Math.ceil(2 * Math.max(Math.abs(across), Math.abs(down))));
    let i = -1;
    for (let step = 1; step <= steps; step++) {
      i = this.index(Math.floor(from[1] + down * step / steps), Math.floor(from[0] + across * step / steps));
      if (i >= 0) this.put(i);
    }
    this.paint.from = to;
    if (i >= 0 && this.cells[i] !== this.over) this.tell(this.cells[i]);
  }

  spots(events) { // where they are, in columns and rows from the first head
    const [left, width] = spacing(this.columns, 'left', 'width'), [top, height] = spacing(this.rows, 'top', 'height');
    return events.map(event => [(event.clientX - left) / width, (event.clientY - top) / height]);
  }

  click(event) {
    const node = event.target.closest('.cell, .row, .column');
    if (!node || !this.data.editable || this.paint) return;
    if (node.className.startsWith('cell') && event.detail) return; // the pointer has acted; screen readers only click
    this.stand(node);
    this.flip(node, TOOLS[this.tool].bit);
  }

  // -- the keyboard ---------------------------------------------------------------------------------------------------

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (this.paint) { if (event.key === 'Escape') this.cancel(); return; }
    const [l, h] = this.here.at, { editable } = this.data;
    const to = { ArrowRight: [l, h + 1], ArrowLeft: [l, h - 1], ArrowDown: [l + 1, h], ArrowUp: [l - 1, h],
      Home: [l, 0], End: [l, this.widest] }[event.key];
    const bit = { ' ': TOOLS[this.tool].bit, Enter: TOOLS[this.tool].bit, l: LOCKED, L: LOCKED }[event.key];
    if (to) this.go(...to);
    else if (bit && editable) { if (!event.repeat) this.flip(this.here, bit); }
    else return;
    event.preventDefault();
  }

  go(l, h) { // the nearest place there is: a head, or in a grid to edit also the header of a row or column
    const { heads, editable } = this.data, edge = editable ? HEADER : 0;
    l = Math.max(h === HEADER ? 0 : edge, Math.min(heads.length - 1, l));
    h = Math.max(l === HEADER ? 0 : edge, Math.min((l === HEADER ? this.widest : heads[l]) - 1, h));
    const node = l === HEADER ? this.columns[h] : h === HEADER ? this.rows[l] : this.cells[this.index(l, h)];
    if (!node) return;
    node.focus();
    this.tell(node);
  }

  stand(node) { // the one that Tab leads to
    if (this.here) this.here.tabIndex = -1;
    this.here = node;
    node.tabIndex = 0;
  }
}

function spacing(nodes, side, size) { // where the first begins, and how far it is to the next
  const first = nodes[0].getBoundingClientRect(), last = nodes.at(-1).getBoundingClientRect();
  return [first[side], nodes.length > 1 ? (last[side] - first[side]) / (nodes.length - 1) : first[size]];
}
