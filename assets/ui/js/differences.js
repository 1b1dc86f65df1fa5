// The difference of two pictures, measured and drawn in the browser: no request. Pictures are
// decoded once; until then there is no answer, and `ready` is called when there is one.
(() => {
  // From orange (−1) over white (0) to blue (+1), as core/images.py draws signed values.
  const ORANGE = [213, 94, 0], WHITE = [255, 255, 255], BLUE = [0, 114, 178];
  const TONES = 63; // of each colour
  const KEPT = 4000; // differences that are remembered

  function colour(value) {
    const end = value > 0 ? BLUE : ORANGE, share = Math.round(Math.abs(value) * TONES) / TONES;
    return WHITE.map((white, k) => Math.round(white + (end[k] - white) * share));
  }

  class Differences {
    constructor(ready) {
      this.ready = ready;
      this.pixels = new Map();  // source -> ImageData, null while it is decoded
      this.found = new Map();   // two sources -> { rms, picture } or { refused }
      this.canvas = document.createElement("canvas");
    }

    // What lies between two pictures; undefined while it is not known yet.
    of(first, second) {
      if (!first || !second) return undefined;
      const key = `${first}\n${second}`;
      if (!this.found.has(key)) {
        const pair = [this.pixelsOf(first), this.pixelsOf(second)];
        if (pair.includes(null)) return undefined;
        if (this.found.size > KEPT) this.found.clear();
        this.found.set(key, this.between(...pair));
      }
      return this.found.get(key);
    }

    pixelsOf(source) {
      if (!this.pixels.has(source)) {
        if (this.pixels.size > KEPT) this.pixels.clear();
        this.pixels.set(source, null);
        this.decode(source).then((pixels) => {
          this.pixels.set(source, pixels);
          this.ready();
        });
      }
      return this.pixels.get(source);
    }

    async decode(source) {
      const picture = new Image();
      picture.src = source;
      try {
        await picture.decode();
      } catch { // no picture: it differs from all others in size
        return { width: 0, height: 0, data: [] };
      }
      const { naturalWidth: width, naturalHeight: height } = picture;
      return this.pen(width, height, (pen) => {
        pen.drawImage(picture, 0, 0);
        return pen.getImageData(0, 0, width, height);
      });
    }

    pen(width, height, act) {
      Object.assign(this.canvas, { width, height });
      return act(this.canvas.getContext("2d", { willReadFrequently: true }));
    }

    // RMS over all pixels and channels, of black to white; the picture has the channels' mean.
    between(a, b) {
      if (a.width !== b.width || a.height !== b.height) return { refused: ["pinned.sizes"] };
      if (!a.width) return { refused: ["pinned.sizes"] };
      const drawn = new ImageData(a.width, a.height);
      let squares = 0;
      for (let i = 0; i < a.data.length; i += 4) {
        let sum = 0;
        for (let k = i; k < i + 3; k += 1) {
          const value = (b.data[k] - a.data[k]) / 255;
          squares += value * value;
          sum += value;
        }
        drawn.data.set([...colour(sum / 3), 255], i);
      }
      const picture = this.pen(a.width, a.height, (pen) => {
        pen.putImageData(drawn, 0, 0);
        return this.canvas.toDataURL();
      });
      return { rms: Math.sqrt(squares / (0.75 * a.data.length)), picture };
    }
  }

  window.stepwise = Object.assign(window.stepwise ?? {}, { Differences });
})();
