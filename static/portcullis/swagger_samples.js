"use strict";

// A plugin of Swagger UI: shows the examples of the description (x-codeSamples) above the responses of each operation.
const CodeSamples = () => ({
  wrapComponents: {
    responses: (Original, { React }) => (props) => {
      const path = ["paths", props.path, props.method, "x-codeSamples"];
      const samples = props.specSelectors.specJson().getIn(path);
      const shown = samples === undefined ? [] : samples.toJS().map(({ label, source }) =>
        React.createElement("details", { key: label, className: "code-sample" },
          React.createElement("summary", null, label),
          React.createElement("pre", { tabIndex: 0 }, React.createElement("code", null, source))));
      return React.createElement(React.Fragment, null, ...shown, React.createElement(Original, props));
    },
  },
});
