//! The languages that people read: names, states and advice in English, German and French.
