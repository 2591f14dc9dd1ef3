// What report.js takes of Observable Plot; vendor.mjs bundles it
export { areaY, barX, barY, cell, dot, frame, lineY, link, plot, ruleX, ruleY, text } from "@observablehq/plot";
export { axisX, axisY, gridX, gridY } from "@observablehq/plot";
