import "./style.css";
import "./pages/pages.css";
import "./tokens/element";
import { render } from "preact";
import { App } from "./app";

render(<App />, document.getElementById("app")!);
