// One small plot for each sensor: the recording, the reference band, and where the model's rows end.

const scheme = matchMedia("(prefers-color-scheme: dark)");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function traces({ t, values, band }) {
  const found = [];
  if (band) {
    const edge = { mode: "lines", line: { width: 0 }, hoverinfo: "skip", x: band.t };
    found.push({ ...edge, y: band.lower });
    found.push({ ...edge, y: band.upper, fill: "tonexty", fillcolor: colour("--band") });
    found.push({ ...edge, y: band.median, line: { width: 1, dash: "dot", color: colour("--muted") } });
  }
  const mode = t.length < 80 ? "lines+markers" : "lines";
  const line = { color: colour("--accent"), width: 1.6 };
  found.push({ x: t, y: values, mode, line, marker: { size: 3 }, hovertemplate: "%{x:.4g} s: %{y:.5g}<extra></extra>" });
  return found;
}

function layout(horizon, range) {
  const axis = { gridcolor: colour("--line"), zeroline: false, tickfont: { size: 10 }, automargin: true, fixedrange: true };
  const mark = { type: "line", x0: horizon, x1: horizon, yref: "paper", y0: 0, y1: 1 };
  return {
    margin: { l: 8, r: 8, t: 6, b: 8 },
    showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--muted"), family: "inherit" },
    xaxis: { ...axis, ticksuffix: " s" },
    yaxis: range ? { ...axis, nticks: 5, range } : { ...axis, nticks: 5 },
    hovermode: "closest",
    shapes: horizon == null ? [] : [{ ...mark, line: { color: colour("--warn"), width: 1.5, dash: "dash" } }],
  };
}

/** Draw each plot when it comes into view, and again when light turns dark. */
export function draw({ horizon_s: horizon, sensors }) {
  const places = [...document.querySelectorAll("[data-sensor]")];
  if (!window.Plotly) return;
  const drawn = new Set();
  const render = (place) => {
    drawn.add(place);
    const options = { displayModeBar: false, responsive: true };
    const sensor = sensors[place.dataset.sensor];
    window.Plotly.react(place, traces(sensor), layout(horizon, sensor.range), options);
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting && !drawn.has(one.target)).forEach((one) => render(one.target)),
    { rootMargin: "300px" },
  );
  places.forEach((place) => seen.observe(place));
  scheme.addEventListener("change", () => drawn.forEach(render));
}
