export = () => ({});
