"use strict";

/* relight.carry and relight.finish on a graphics card, in five passes of WebGL 2:

   narrow   gain * picture + offset at full size, reduced across
   missing  the relit picture, less what comes back when the former is reduced
   sharpen  so that it is the same after it is enlarged and reduced
   widen    enlarged across
   show     gain * picture + offset + what is missing; then amount and keep

   Rows begin at the top; the last pass turns them for the screen. */
const painting = (() => {
  const HEAD = `#version 300 es
    precision highp float;
    precision highp int;
    precision highp sampler2D;
    uniform sampler2D picture, gain, offset, relit, before, along, other;
    uniform vec2 size;
    vec3 strip(ivec2 at) {
      vec2 place = (vec2(at) + 0.5) / size;
      vec3 map = texelFetch(picture, at, 0).rgb * texture(gain, place).rgb;
      return clamp(map + texture(offset, place).rgb, 0.0, 1.0);
    }
    float weight(sampler2D table, int place, int tap) {
      return texelFetch(table, ivec2(tap + 1, place), 0).r;
    }
    int start(sampler2D table, int place) {
      return int(texelFetch(table, ivec2(0, place), 0).r);
    }
  `;

  const NARROW = `
    out vec4 result;
    void main() {
      ivec2 at = ivec2(gl_FragCoord.xy);
      int first = start(along, at.x);
      vec3 sum = vec3(0.0);
      for (int t = 0; t < TAPS; t++) {
        sum += weight(along, at.x, t) * strip(ivec2(first + t, at.y));
      }
      result = vec4(sum, 1.0);
    }
  `;

  const MISSING = `
    out vec4 result;
    void main() {
      ivec2 at = ivec2(gl_FragCoord.xy);
      int first = start(along, at.y);
      vec3 sum = texelFetch(relit, at, 0).rgb;
      for (int t = 0; t < TAPS; t++) {
        sum -= weight(along, at.y, t) * texelFetch(before, ivec2(at.x, first + t), 0).rgb;
      }
      result = vec4(sum, 1.0);
    }
  `;

  const SHARPEN = `
    out vec4 result;
    void main() {
      ivec2 at = ivec2(gl_FragCoord.xy);
      ivec2 first = ivec2(start(along, at.x), start(other, at.y));
      vec3 sum = 2.0 * texelFetch(before, at, 0).rgb;
      for (int y = 0; y < OTHER_TAPS; y++) {
        for (int x = 0; x < TAPS; x++) {
          float share = weight(along, at.x, x) * weight(other, at.y, y);
          sum -= share * texelFetch(before, first + ivec2(x, y), 0).rgb;
        }
      }
      result = vec4(sum, 1.0);
    }
  `;

  const WIDEN = `
    out vec4 result;
    void main() {
      ivec2 at = ivec2(gl_FragCoord.xy);
      int first = start(along, at.x);
      vec3 sum = vec3(0.0);
      for (int t = 0; t < TAPS; t++) {
        sum += weight(along, at.x, t) * texelFetch(before, ivec2(first + t, at.y), 0).rgb;
      }
      result = vec4(sum, 1.0);
    }
  `;

  const SHOW = `
    uniform sampler2D alpha;
    uniform float amount;
    uniform int keep;
    out vec4 result;
    const vec3 LUMINANCE = vec3(0.2126, 0.7152, 0.0722);
    vec3 linear(vec3 values) {
      vec3 power = pow((values + 0.055) / 1.055, vec3(2.4));
      return mix(power, values / 12.92, lessThanEqual(values, vec3(0.04045)));
    }
    vec3 encoded(vec3 light) {
      vec3 power = 1.055 * pow(light, vec3(1.0 / 2.4)) - 0.055;
      return mix(power, 12.92 * light, lessThanEqual(light, vec3(0.0031308)));
    }
    vec3 colouredLike(vec3 light, float luminance) {
      vec3 coloured = luminance * (light + 1e-4) / (dot(light, LUMINANCE) + 1e-4);
      float room = max(1.0 - luminance, 0.0);
      float most = max(coloured.r, max(coloured.g, coloured.b));
      return luminance + min(room / max(most - luminance, 1e-9), 1.0) * (coloured - luminance);
    }
    void main() {
      ivec2 at = ivec2(gl_FragCoord.x, size.y - gl_FragCoord.y);
      int first = start(along, at.y);
      vec3 shown = strip(at);
      for (int t = 0; t < TAPS; t++) {
        shown += weight(along, at.y, t) * texelFetch(before, ivec2(at.x, first + t), 0).rgb;
      }
      shown = clamp(shown, 0.0, 1.0);
      if (amount < 1.0 || keep > 0) {
        vec3 old = linear(texelFetch(picture, at, 0).rgb), fresh = linear(shown);
        if (keep == 1) fresh = colouredLike(old, dot(fresh, LUMINANCE));
        if (keep == 2) fresh = colouredLike(fresh, dot(old, LUMINANCE));
        shown = encoded(clamp(mix(old, fresh, amount), 0.0, 1.0));
      }
      float opaque = OPAQUE ? 1.0 : texelFetch(alpha, at, 0).r;
      result = vec4(shown * opaque, opaque);
    }
  `;

  const CORNERS = `#version 300 es
    void main() {
      gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
    }
  `;

  const IMITATED = /swiftshader|llvmpipe|softpipe|software|basic render/i;
  const UNITS = ["picture", "gain", "offset", "relit", "before", "along", "other", "alpha"];

  /** A shader, compiled. */
  function compiled(gl, kind, text) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    return shader;
  }

  /** A program of one pass; its uniforms stand for units in the order of `UNITS`. */
  function program(gl, text, constants) {
    const defined = Object.entries(constants).map(([name, value]) => `#define ${name} ${value}\n`);
    const [version, ...lines] = HEAD.split("\n");
    const found = gl.createProgram();
    gl.attachShader(found, compiled(gl, gl.VERTEX_SHADER, CORNERS));
    const whole = [version, "\n", ...defined, lines.join("\n"), text].join("");
    gl.attachShader(found, compiled(gl, gl.FRAGMENT_SHADER, whole));
    gl.linkProgram(found);
    if (!gl.getProgramParameter(found, gl.LINK_STATUS)) return null;
    gl.useProgram(found);
    UNITS.forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(found, name), unit));
    return found;
  }

  /** A texture whose pixels are not mixed, unless `smooth`. */
  function texture(gl, smooth = false) {
    const found = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, found);
    const filter = smooth ? gl.LINEAR : gl.NEAREST;
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, filter);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return found;
  }

  /** A table of `carrying.tables` as a texture: a row a place, start, then weights. */
  function tableTexture(gl, table) {
    const { length, taps, starts, weights } = table, values = new Float32Array(length * (taps + 1));
    for (let i = 0; i < length; i++) {
      values[i * (taps + 1)] = starts[i];
      values.set(weights.subarray(i * taps, (i + 1) * taps), i * (taps + 1) + 1);
    }
    const found = texture(gl);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R32F, taps + 1, length, 0, gl.RED, gl.FLOAT, values);
    return found;
  }

  /** Whether the processor imitates a graphics card. */
  function isImitated(gl) {
    const more = gl.getExtension("WEBGL_debug_renderer_info");
    return IMITATED.test(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  }

  /** A painter on a graphics card. */
  class Graphics {
    static kind = "webgl";

    /** A painter; null where the browser has no such graphics.

        Graphics that the processor only imitates are slower than a plain canvas, and
        are taken where they are forced. */
    static on(canvas, picture, alpha, small, isForced) {
      const gl = canvas.getContext("webgl2", {
        antialias: false,
        depth: false,
        failIfMajorPerformanceCaveat: !isForced,
        preserveDrawingBuffer: true,
      });
      const renders = gl?.getExtension("EXT_color_buffer_float")
        ?? gl?.getExtension("EXT_color_buffer_half_float");
      if (!renders || (!isForced && isImitated(gl)) || gl.getParameter(gl.MAX_TEXTURE_SIZE) < Math.max(canvas.width, canvas.height)) return null;
      const painter = new Graphics(gl, picture, alpha, small, canvas);
      return painter.passes.every((pass) => pass.program) && gl.getError() === gl.NO_ERROR ? painter : null;
    }

    constructor(gl, picture, alpha, small, full) {
      const tables = carrying.tables(small, full);
      [this.gl, this.small, this.full] = [gl, small, full];
      this.maps = {};
      for (const name of ["gain", "offset", "relit"]) this.maps[name] = texture(gl, true);
      this.fixed = { picture: texture(gl) };
      gl.pixelStorei(gl.UNPACK_COLORSPACE_CONVERSION_WEBGL, gl.NONE);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
      gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
      if (alpha) {
        this.fixed.alpha = texture(gl);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, full.width, full.height, 0, gl.RED, gl.UNSIGNED_BYTE, alpha);
      }
      const { width, height } = small;
      this.passes = [
        this.pass(NARROW, width, full.height, tables.narrow),
        this.pass(MISSING, width, height, tables.shorten),
        this.pass(SHARPEN, width, height, tables.back.x, tables.back.y),
        this.pass(WIDEN, full.width, height, tables.cubic.x),
        this.pass(SHOW, full.width, full.height, tables.cubic.y, null, { OPAQUE: !alpha }),
      ];
      this.texels = new Float32Array(4 * width * height);
    }

    /** One pass: its program, its tables, and where it paints (the last: the canvas). */
    pass(text, width, height, along, other = null, more = {}) {
      const { gl } = this, isLast = text === SHOW;
      const taps = { TAPS: along.taps, OTHER_TAPS: other?.taps ?? 0, ...more };
      const found = { program: program(gl, text, taps), width, height, frame: null, target: null };
      found.along = tableTexture(gl, along);
      found.other = other && tableTexture(gl, other);
      if (!isLast) {
        found.target = texture(gl);
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, width, height, 0, gl.RGBA, gl.FLOAT, null);
        found.frame = gl.createFramebuffer();
        gl.bindFramebuffer(gl.FRAMEBUFFER, found.frame);
        gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, found.target, 0);
        if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) found.program = null;
      }
      return found;
    }

    /** Put a planar map into its texture. */
    load(name, values) {
      const { gl, texels, small } = this, area = small.width * small.height;
      for (let c = 0; c < 3; c++) {
        for (let p = 0; p < area; p++) texels[4 * p + c] = values[c * area + p];
      }
      gl.bindTexture(gl.TEXTURE_2D, this.maps[name]);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, small.width, small.height, 0, gl.RGBA, gl.FLOAT, texels);
    }

    /** Show a relit picture: map has gain, offset and relit at the working size. Gives
        whether it is only a sketch: never. */
    paint(map, { amount, keep }) {
      const { gl } = this;
      gl.activeTexture(gl.TEXTURE0 + UNITS.length);
      for (const name of Object.keys(this.maps)) this.load(name, map[name]);
      let before = null;
      for (const pass of this.passes) {
        gl.useProgram(pass.program);
        const { along, other } = pass;
        const bound = { ...this.fixed, ...this.maps, before, along, other };
        for (const [name, found] of Object.entries(bound)) {
          gl.activeTexture(gl.TEXTURE0 + UNITS.indexOf(name));
          gl.bindTexture(gl.TEXTURE_2D, found);
        }
        const place = (name) => gl.getUniformLocation(pass.program, name);
        gl.uniform2f(place("size"), this.full.width, this.full.height);
        gl.uniform1f(place("amount"), amount);
        gl.uniform1i(place("keep"), ["", "colour", "brightness"].indexOf(keep ?? ""));
        gl.bindFramebuffer(gl.FRAMEBUFFER, pass.frame);
        gl.viewport(0, 0, pass.width, pass.height);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
        before = pass.target;
      }
      return false;
    }
  }

  /** A painter, and its canvas: the best that this browser has, or the way that is
      named, "canvas" or "webgl". */
  function painter(canvas, picture, alpha, small, way) {
    const found = way === "canvas" ? null : Graphics.on(canvas, picture, alpha, small, way === "webgl");
    if (found) return { painter: found, canvas };
    // A canvas that was asked for WebGL gives no other context.
    const fresh = canvas.cloneNode();
    canvas.replaceWith(fresh);
    return { painter: new carrying.Canvas(fresh, picture, alpha, small), canvas: fresh };
  }

  return { painter };
})();
