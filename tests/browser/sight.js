// What a reader's eye meets on this page, as values that a test can judge. Changes nothing.
() => {
  const width = document.documentElement.clientWidth;

  const colourOf = (css) => {
    const [red, green, blue, alpha = 1] = css.match(/^rgba?\(([^)]+)\)$/)[1].split(/[ ,/]+/).map(Number);
    return { channels: [red, green, blue], alpha };
  };
  const over = (top, bottom) => bottom.map((channel, place) => channel + (top.channels[place] - channel) * top.alpha);
  const hex = (channels) => "#" + channels.map((channel) => Math.round(channel).toString(16).padStart(2, "0")).join("");

  const upwards = (element) => (element ? [element, ...upwards(element.parentElement)] : []);
  const paperOf = (element) => {
    const layers = upwards(element).map((each) => colourOf(getComputedStyle(each).backgroundColor));
    const opaque = layers.findIndex((layer) => layer.alpha === 1);
    if (opaque < 0) throw new Error(`nothing opaque is behind ${element.outerHTML}`);
    return layers.slice(0, opaque).reduceRight((below, layer) => over(layer, below), layers[opaque].channels);
  };
  const inkOf = (element, css, paper) => {
    const opacity = upwards(element).reduce((product, each) => product * getComputedStyle(each).opacity, 1);
    const { channels, alpha } = colourOf(css);
    return over({ channels, alpha: alpha * opacity }, paper);
  };

  // Half a pixel is rounding, not a cut.
  const within = (box, low, high, [from, to]) => box[low] >= from - 0.5 && box[high] <= to + 0.5;
  const isCut = (box, element) => {
    if (!within(box, "left", "right", [0, width])) return true;
    return upwards(element).some((each) => {
      const { overflowX, overflowY } = getComputedStyle(each);
      const frame = each.getBoundingClientRect();
      const cutAcross = overflowX !== "visible" && !within(box, "left", "right", [frame.left, frame.right]);
      const cutDown = /hidden|clip/.test(overflowY) && !within(box, "top", "bottom", [frame.top, frame.bottom]);
      return cutAcross || cutDown;
    });
  };

  // What is scrolled out of its frame is not there for the eye.
  const shownOf = ({ left, top, right, bottom }, element) =>
    upwards(element)
      .filter((each) => getComputedStyle(each).overflowY !== "visible")
      .map((each) => each.getBoundingClientRect())
      .reduce(
        (shown, frame) => (shown.top < frame.bottom && shown.bottom > frame.top ? shown : { ...shown, right: shown.left }),
        { left, top, right, bottom },
      );

  const run = (text, element, { color, fontSize }, boxes) => {
    const paper = paperOf(element);
    return {
      text: text.trim(),
      size: parseFloat(fontSize),
      ink: hex(inkOf(element, color, paper)),
      paper: hex(paper),
      cut: [...boxes].some((box) => isCut(box, element)),
      boxes: [...boxes].map((box) => shownOf(box, element)).filter(({ left, right }) => left < right),
    };
  };
  // What only a screen reader reads is made one pixel wide.
  const isSeen = (element) => element.checkVisibility({ visibilityProperty: true }) && element.clientWidth !== 1;
  const textRuns = () => {
    const runs = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement } = walker.currentNode;
      if (!data.trim() || parentElement.matches("textarea") || !isSeen(parentElement)) continue;
      const range = document.createRange();
      range.selectNode(walker.currentNode);
      runs.push(run(data, parentElement, getComputedStyle(parentElement), range.getClientRects()));
    }
    return runs;
  };
  const fieldRuns = () =>
    [...document.querySelectorAll("textarea, input:not([type])")]
      .filter((field) => field.value || field.placeholder)
      .map((field) => {
        const style = getComputedStyle(field, field.value ? null : "::placeholder");
        return run(field.value || field.placeholder, field, style, [field.getBoundingClientRect()]);
      });

  const MEDIA = "img, picture, svg, canvas, video, audio, iframe, object, embed, link, script";
  const hasMedia = (element) => element.matches(MEDIA) || getComputedStyle(element).backgroundImage !== "none";
  return {
    sideways: document.documentElement.scrollWidth - width,
    runs: [...textRuns(), ...fieldRuns()],
    media: [...document.querySelectorAll("body, body *")].filter(hasMedia).map((element) => element.outerHTML),
  };
}
