// The roof as numbers: sizes of panels, medians of planes, and how a panel compares with its neighbours.

export const GRID = 0.05;
export const panelSize = { w: 1.1, h: 1.7 };

export const sizeOf = (panel) => (panel.turned ? { w: panelSize.h, h: panelSize.w } : panelSize);

/** The roof as the server tells it, whose lengths are centimetres, in metres. */
export function fromServer(roof) {
  if (roof.width && roof.height) Object.assign(panelSize, { w: roof.width / 100, h: roof.height / 100 });
  return { ...roof, planes: roof.planes.map((plane) => ({ ...plane, panels: plane.panels.map((panel) => ({ ...panel, x: panel.x / 100, y: panel.y / 100 })) })) };
}

/** And back again. */
export const forServer = (planes) => planes.map(({ id, name, direction, steep, panels }) => ({ id, name, direction, steep,
  panels: panels.map((panel) => ({ id: panel.id, name: panel.name, rated: panel.rated, turned: panel.turned, x: Math.round(panel.x * 100), y: Math.round(panel.y * 100) })) }));

/** Directions as they are kept; anything else is shown as somebody wrote it. */
export const DIRECTIONS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'];
export const snap = (metres) => Math.max(0, Math.round(metres / GRID) * GRID);

/** What a plane takes, in metres. */
export function extent(plane, least = panelSize.w) {
  return plane.panels.reduce((most, panel) => {
    const { w, h } = sizeOf(panel);
    return { w: Math.max(most.w, panel.x + w), h: Math.max(most.h, panel.y + h) };
  }, { w: least, h: least });
}

/** What a row of planes needs to know for one scale. */
export const scaleOf = (extents) => ({ '--n': String(extents.length), '--widest': String(Math.max(...extents.map((one) => one.w))), '--all': String(extents.reduce((sum, one) => sum + one.w, 0)) });

export function median(values) {
  const sorted = values.filter((one) => one != null).sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return !sorted.length ? null : sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Panels of each device in rows, for who begins with nothing: the order that they are told in is the order of their inputs. */
export function layOut(panels) {
  const byDevice = Map.groupBy ? Map.groupBy(panels, deviceOf) : panels.reduce((map, one) => map.set(deviceOf(one), [...map.get(deviceOf(one)) ?? [], one]), new Map());
  const all = [...byDevice.values()].flat();
  const across = Math.min(8, Math.max(4, Math.ceil(Math.sqrt(all.length))));
  return all.map((panel, i) => ({ ...panel, turned: false, x: snap((i % across) * panelSize.w), y: snap(Math.floor(i / across) * panelSize.h) }));
}

export const deviceOf = (panel) => panel.id.split('/')[0];
export const keyOf = (panel) => panel.id.slice(panel.id.indexOf('/') + 1);

const overlaps = (a, b) => {
  const one = sizeOf(a), other = sizeOf(b), little = GRID / 2;
  return a.x < b.x + other.w - little && b.x < a.x + one.w - little && a.y < b.y + other.h - little && b.y < a.y + one.h - little;
};
export const isFree = (panel, plane) => plane.panels.every((other) => other.id === panel.id || !overlaps(panel, other));

/** Where a panel that is dropped near others comes to lie: along their edges if they are close, on the grid else. */
export function snapped(panel, plane, near = 0.2) {
  const size = sizeOf(panel);
  const edges = { x: [0], y: [0] };
  for (const other of plane.panels) {
    if (other.id === panel.id) continue;
    const there = sizeOf(other);
    edges.x.push(other.x, other.x + there.w, other.x - size.w, other.x + there.w - size.w);
    edges.y.push(other.y, other.y + there.h, other.y - size.h, other.y + there.h - size.h);
  }
  const to = (value, list) => {
    const best = list.reduce((found, edge) => (Math.abs(edge - value) < Math.abs(found - value) ? edge : found), Infinity);
    return snap(Math.abs(best - value) <= near ? best : value);
  };
  return { ...panel, x: to(panel.x, edges.x), y: to(panel.y, edges.y) };
}

/** The first place of a plane where a panel fits. */
export function firstPlace(panel, plane) {
  const { w } = extent(plane, panelSize.w * 4);
  for (let y = 0; ; y += panelSize.h / 2) {
    for (let x = 0; x + sizeOf(panel).w <= w + 0.01; x += panelSize.w / 2) {
      const placed = { ...panel, x: snap(x), y: snap(y) };
      if (isFree(placed, plane)) return placed;
    }
  }
}
