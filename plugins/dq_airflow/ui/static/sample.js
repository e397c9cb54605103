import { draw } from "./charts.js";

draw(JSON.parse(document.getElementById("drawn").textContent));
