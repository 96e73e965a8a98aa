// Reads the Player's drawing.

/** The heights of the waveform's bars. Before it is drawn, all bars have one height, and the result is null. */
module.exports.waveform = function waveform(view) {
  const canvas = view.querySelector("wave > wave + canvas");
  if (!canvas?.width) return null;
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  const isDrawn = (x, y) => data[4 * (y * width + x) + 3] > 0;
  const heightAt = (x) => Array.from({ length: height }).filter((_, y) => isDrawn(x, y)).length;
  const heights = Array.from({ length: width }, (_, x) => heightAt(x)).filter((bar) => bar > 0);
  return new Set(heights).size > 1 ? heights : null;
};
