// A process over time: one plot for each figure, with the lines it is held against, and marks where something changed.

const scheme = matchMedia("(prefers-color-scheme: dark)");
const source = document.getElementById("drawn");

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function traces({ points, lines }) {
  const found = lines.map((line, i) => ({
    x: line.x,
    y: line.y,
    name: line.name,
    mode: "lines",
    line: { color: colour(i ? "--muted" : "--warn"), width: 1.3, dash: i ? "dot" : "dash", shape: "hv" },
    hovertemplate: "%{y:.4g}<extra>" + line.name + "</extra>",
  }));
  found.push({
    x: points.x,
    y: points.y,
    name: points.name,
    customdata: points.batch,
    text: points.at,
    mode: points.x.length < 120 ? "lines+markers" : "lines",
    line: { color: colour("--accent"), width: 1.4 },
    marker: { size: 4 },
    hovertemplate: "sample %{x}, %{text}: %{y:.4g}<extra></extra>",
  });
  return found;
}

function layout({ marks, points }) {
  const axis = { gridcolor: colour("--line"), zeroline: false, tickfont: { size: 10 }, automargin: true, fixedrange: true };
  return {
    margin: { l: 8, r: 8, t: 18, b: 8 },
    showlegend: false,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: colour("--muted"), family: "inherit" },
    xaxis: { ...axis, range: [points.x[0] - 0.5, points.x.at(-1) + 0.5] },
    yaxis: { ...axis, nticks: 5 },
    hovermode: "closest",
    shapes: marks.map((mark) => ({
      type: "line",
      x0: mark.sample,
      x1: mark.sample,
      yref: "paper",
      y0: 0,
      y1: 1,
      line: { color: colour(mark.colour), width: 1.3, dash: mark.kind === "drift" ? "dot" : "solid" },
    })),
    annotations: marks.map((mark) => ({
      x: mark.sample,
      yref: "paper",
      y: 1,
      yanchor: "bottom",
      text: mark.kind === "drift" ? "drift" : `${mark.kind} ${Number(mark.release) || ""}`,
      showarrow: false,
      font: { size: 10, color: colour(mark.colour) },
    })),
  };
}

function draw({ charts, batches }) {
  const drawn = new Set();
  const render = (place) => {
    const chart = charts[place.dataset.chart];
    window.Plotly.react(place, traces(chart), layout(chart), { displayModeBar: false, responsive: true });
    if (drawn.has(place)) return;
    drawn.add(place);
    place.on("plotly_click", ({ points: [point] }) => {
      if (point.customdata) location.assign(batches + encodeURIComponent(point.customdata));
    });
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter((one) => one.isIntersecting && !drawn.has(one.target)).forEach((one) => render(one.target)),
    { rootMargin: "300px" },
  );
  document.querySelectorAll("[data-chart]").forEach((place) => seen.observe(place));
  scheme.addEventListener("change", () => drawn.forEach(render));
}

if (source && window.Plotly) draw(JSON.parse(source.textContent));
